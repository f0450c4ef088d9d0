"""What the package says to people is plain English: idioms that only its authors know stay out of its strings and docs."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest

from cordbook.core.notebooks import is_prose, source_of

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "analysis" / "cordbook"

#: An idiom, and what to write instead.
IDIOMS = {
    r"\bstands? twice\b": "appears twice, is duplicated",
    r"(?<![Tt]here )\bis no (?:version|number|date|value|file|folder|decision|source|table|terminal|count|notebook|cell|row)\b": (
        "is not a valid version, is not a file"
    ),
    r"\bwhole or not at all\b": "atomically (all or nothing)",
    r"(?i)\b(?:one|a) (?:row|line|entry|page|column|module|file|value|bar|table|box|mark) an? [a-z]+": "one row per study",
    r"\b(?:put|kept|keeps|keep) aside\b": "rejected, quarantined, kept",
    r"\bknown doubts?\b": "accepted exceptions, waivers",
    r"\b(?:[Ss]ets?|[Ss]etting) aside\b": "merged into, left out, not included",
    r"(?<![A-Za-z])[Ff]ault(?:s|y)?(?![A-Za-z])": "problem, violation, error",
}
#: Phrases that only look like an idiom; and what stands in archives of releases, whose bytes are made again.
ALLOWED = ("Takes a row at a time", "One table a file, described by datapackage.json")
#: Folders of pages that a build makes from data, whose words are those of reports.
MADE = ("studies", "estimates")
DOCS = sorted([
    *ROOT.glob("docs/*.md"), *ROOT.glob("docs/decisions/*.md"), *(p for p in ROOT.glob("book/**/*.md") if p.parent.name not in MADE),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "data/README.md")),
])  # fmt: skip
CHAPTERS = sorted([ROOT / "index.ipynb", *ROOT.glob("book/**/*.ipynb")])
#: People read "count" or "outcome" for what ``cell_id`` names; a cell in these places is another thing.
CELL = re.compile(r"(?<![\w{`./-])[Cc]ells?(?![\w}`-]|[./]\w)")
OTHER_CELLS = {
    "of a notebook, as Jupyter says": ("code cell", "text cell", "a cell of a notebook", "page, cell and line", ", cell "),
    "of a table, in code": (r"(?P<cells>.*?)", "str | Link | Cell | Facts"),
    "the role": ("cell role:",),
    "of the table of two groups, as statistics says": ("four cells", "zero cell", "each cell of a trial"),
    "of a body": (
        "Harm after cells", "Cells against no cells", "favours cells", "transplanted cells", "Cells, and where they are taken from",
        "Trials of cells", "bone marrow cells", "cells and tissue", "scaffolds without cells", "Cells, control",
    ),
}  # fmt: skip
#: Strings that are keys of data, of estimates as JSON, of Jupyter's format; and the name of the arm in plots of trials of cells.
KEYS = {"cell", "cells", "Cells"}
#: The word in a name, in a comment or in documentation of code.
CELL_IN_CODE = re.compile(r"(?<![A-Za-z])cells?(?![a-z])|Cells?(?![a-z])|(?<![A-Z])CELLS?(?![A-Z])")
#: Modules whose cells are not outcome counts.
MODULES_OF_OTHER_CELLS = {
    "of a notebook": (
        "core/tracking", "publish/build/check", "publish/execute/chapters", "publish/execute/forked_kernels",
        "publish/sources/page_guards", "publish/starting/create", "publish/starting/examples", "review/reporting/checklist",
        "evidence/rules/bibliography",
    ),
    "of a table or a file": (
        "cli/check_references", "cli/table", "core/columns", "core/csv_files", "core/text", "display/figures/evidence_map", "display/html/pieces",
        "display/html/table", "display/tables/audit_tables", "evidence/codebook", "evidence/rules/base", "evidence/schema",
        "evidence/vocabulary", "intake/dedupe/sheet", "intake/extraction/reconcile_sheet", "intake/imports/parsers/table",
        "intake/records/untrusted_text", "intake/screening/files", "intake/sources/retraction_watch", "publish/sphinx/long_tables",
    ),
    "of the table of two groups": (
        "cli/shared", "synthesis/bias/small_study", "synthesis/pooling/mantel_haenszel", "synthesis/pooling/statsmodels_engine",
        "synthesis/pooling/two_arm_results", "synthesis/pooling/two_arms", "synthesis/two_arm",
    ),
    "of a body": (
        "display/chapters/audit", "display/figures/replication", "evidence/matching", "evidence/references/item_formats", "intake/records/record",
        "publish/sphinx/glossary_marks", "review/estimates/guards", "subject/mechanism_tables", "subject/parts",
    ),
}  # fmt: skip
#: Names in all modules that are those of data or of the cells above, keys of JSON that releases hold, and ids and classes of pages.
NAMES_WITH_CELL = re.compile(
    r"\bcell_ids?\b|\bCELL_ID\b|\bcell_type\b|\bdose_cells\b|\bCell\b|\bcell_for_spreadsheet\b|\bcell-therapy\b|\"cells?\"|\boutcome_cells\b"
    r"|\bcells_checked_by_a_person\b|`cell`|\{cell\}|\bcell role\b|\b[Ss]tem [Cc]ell|\bblank cells\b|\b_coverage_cell\b|verify-cells|--cell\b|\bcell_matches\b|harm_cells|table: cells|\bcell: |\bcb-cells?\b|\bcell-states\b"
)
#: The frozen estimates of releases are read and written with the names of their files.
FROZEN = re.compile(r"\b(?:then|today|self)\.cells\b|\bcells(?=: Mapping|=counts)|``cells``|\bsources of its cells\b")
#: How an outcome count was called in prose: the book is about cells of a body, so that the bare word proves nothing there.
CELLS_IN_PROSE = re.compile(
    r"\b(?:[Oo]utcome|[Ee]very|[Ee]ach|[Vv]erified|[Ee]qual|[Pp]oolable) cells?\b|\b[Cc]ells (?:that (?:may|rest|bear)|by reason|are chosen)"
    r"|readings? of (?:a|the|every) cell\b|`outcomes[^`]*` cells\b|\bcell by cell\b|\ba cell against\b|[Oo]ne row per cell\b"
)
#: Words of their authors in scripts of the browser, and what the field says.
IN_SCRIPTS = re.compile(r"\b(?:climb\w*|peaks?|told|said|say)\b")


def strings(path: Path) -> list[str]:
    """Every string of a module, docstrings included; of an f-string its fixed parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def spoken(path: Path) -> list[str]:
    """The strings of a module without its docstrings: what it shows to people, and keys."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [str(node.value) for node in found if id(node) not in documentation and node.value not in KEYS]


def cells_in_code(code: str) -> list[str]:
    """Names, comments and strings of a module, documentation included, that speak of cells that are no other ones."""
    left = FROZEN.sub("x", NAMES_WITH_CELL.sub("x", code))
    tokens = tokenize.generate_tokens(io.StringIO(left).readline)
    of_words = (tokenize.NAME, tokenize.COMMENT, tokenize.STRING)
    return [token.string for token in tokens if token.type in of_words and CELL_IN_CODE.search(token.string)]


def outcome_cells(text: str) -> list[str]:
    return CELL.findall(without_other_cells(text))


def without_other_cells(text: str) -> str:
    for phrases in OTHER_CELLS.values():
        for phrase in phrases:
            text = text.replace(phrase, "")
    return text


def prose(path: Path) -> str:
    """The text of a page: of a notebook what stands in its text cells."""
    text = path.read_text(encoding="utf-8")
    return text if path.suffix == ".md" else "\n".join(source_of(cell) for cell in json.loads(text)["cells"] if is_prose(cell))


def idioms(text: str) -> list[str]:
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return [f"{match.group()!r}: write {instead}" for idiom, instead in IDIOMS.items() for match in re.finditer(idiom, text)]


def test_no_idiom_in_what_the_package_says():
    found = [f"{p.relative_to(ROOT)}: {words}" for p in PACKAGE.rglob("*.py") for text in strings(p) for words in idioms(text)]
    assert found == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_no_idiom_in_the_docs(path):
    assert idioms(path.read_text(encoding="utf-8")) == []


def test_outcome_counts_are_called_so_in_what_the_package_says():
    """The room of the subject speaks of the cells that this review is about; its words are read in the book."""
    paths = [p for p in PACKAGE.rglob("*.py") if "subject" not in p.parts]
    found = {f"{p.relative_to(PACKAGE)}: {text}" for p in paths for text in spoken(p) if outcome_cells(text)}
    assert found == set()


@pytest.mark.parametrize("path", [*DOCS, *CHAPTERS], ids=lambda p: p.name)
def test_outcome_counts_are_called_so_in_docs_and_book(path):
    assert CELLS_IN_PROSE.findall(without_other_cells(prose(path))) == []


def test_outcome_counts_are_called_so_in_the_codebook():
    texts = re.findall(r'"(?:title|description)": "([^"]*)"', (ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    assert len(texts) > 100
    assert [text for text in texts if CELLS_IN_PROSE.search(text) or "The cell." in text or idioms(text)] == []


def test_outcome_counts_are_called_so_in_names_comments_and_documentation_of_the_package():
    other = {f"{module}.py" for modules in MODULES_OF_OTHER_CELLS.values() for module in modules}
    codes = {p.relative_to(PACKAGE).as_posix(): p.read_text(encoding="utf-8") for p in PACKAGE.rglob("*.py")}
    speaking = {module: found for module, code in codes.items() if (found := cells_in_code(code))}
    assert {module: found for module, found in speaking.items() if module not in other} == {}
    assert other - speaking.keys() == set(), "these modules need no place in the list"


def test_outcome_counts_are_called_so_in_the_explorer():
    scripts = [p.read_text(encoding="utf-8") for p in (PACKAGE / "publish" / "assets" / "explorer").glob("*.js")]
    assert scripts
    assert [words for text in scripts if (words := re.findall(r"\bcells\b", text))] == []


def test_the_scripts_of_pages_use_the_words_of_the_field():
    scripts = list((PACKAGE / "publish" / "assets").rglob("*.js"))
    assert scripts
    assert {p.name: words for p in scripts if (words := IN_SCRIPTS.findall(p.read_text(encoding="utf-8")))} == {}


def test_no_name_of_a_style_is_a_nickname():
    files = [p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".css", ".js", ".jinja")]
    assert [p.name for p in files if re.search(r"cb-(?:strip|cite-said)\b", p.read_text(encoding="utf-8"))] == []


def test_names_in_the_package_are_plain():
    found = [
        p.name
        for p in PACKAGE.rglob("*.py")
        if re.search(r"(?<![A-Za-z])(?:[Ff]aults?|FAULTS?)(?![A-Za-z])", p.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_count_that_is_called_a_cell_is_found():
    assert outcome_cells("On file: 3 cells that bear on it") == ["cells"]
    assert outcome_cells("cordbook verify-cells --cell ID writes `cell_id`; half an event in each of the four cells") == []
    assert CELLS_IN_PROSE.findall("One row per cell: both readings of a cell, {count}`outcomes/poolable=yes` cells")
    assert CELLS_IN_PROSE.findall("People given cells improved; most reports of cells by one team") == []


def test_a_name_or_a_comment_that_calls_a_count_a_cell_is_found():
    code = 'class CellToCheck: ...\ncells_by_study = {}  # ids of the cells\nMOST_CANCELLED = "cell_id"\n\n\ndef f(cell):\n    """Every cell."""\n'
    assert cells_in_code(code) == ["CellToCheck", "cells_by_study", "# ids of the cells", "cell", '"""Every cell."""']


def test_an_idiom_is_found():
    assert idioms("'x' is no version; the key stands twice, one row a study") == [
        "'stands twice': write appears twice, is duplicated",
        "'is no version': write is not a valid version, is not a file",
        "'one row a study': write one row per study",
    ]
    assert idioms("The record is set aside; 3 fault(s)") == [
        "'set aside': write merged into, left out, not included",
        "'fault': write problem, violation, error",
    ]
    assert idioms("There is no version yet. It is no longer kept.") == []
