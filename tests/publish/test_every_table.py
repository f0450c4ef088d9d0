"""One cell of every table in turn: the build executes the chapters that read the table, and gives the site of a clean build.

Builds run in forked processes.
"""

import json
import multiprocessing
import shutil
from pathlib import Path

import pytest

from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.evidence import validate
from cordbook.evidence.references.bibtex_file import bibliography_text
from cordbook.evidence.schema import load_package
from cordbook.publish.build.build import build
from cordbook.publish.execute.chapters import refresh
from cordbook.publish.execute.forked_kernels import PRELOADED
from cordbook.publish.freshness.records import Today
from cordbook.review.estimates.estimates import load_estimates
from tests.conftest import ROOT
from tests.marks import every
from tests.publish import small_book
from tests.publish.conftest import quiet, site_of, sources_to
from tests.publish.small_book import read_table, write_table

TABLES = [table.name for table in load_package(ROOT / "data").tables]
CELL = "lima2010.treated.ais_improved.all.27.7"
#: Rows for tables that are empty in the review or in the small book.
ROWS = {
    "overlap_groups": {"overlap_group": "trial", "reason": "One trial, two reports."},
    "overlap_members": {"study_id": "guckenberger2014", "overlap_group": "trial", "is_primary": "no"},
    "overlap_disjoint": {"study_a": "guckenberger2014", "study_b": "curtis2018", "reason": "Other years."},
    "verifications": {
        "cell_id": CELL, "verified_by": "A. Person", "verified_on": "2026-11-20", "source_read": "full text", "verdict": "confirmed",
    },
    "corrections": {
        "correction_id": "K001", "table": "glossary", "column": "plain_definition", "old_value": "Old.", "corrected_on": "2026-11-20",
        "reason": "Wrong.",
    },
    "waivers": {"waiver_id": "W01", "rule": "n-not-above-arm", "table": "outcomes", "reason": "So it stands in the source."},
    "searches": {"search_id": "S001", "searched_on": "2026-11-20", "searched_by": "A. Person", "hits": "2", "fetched": "2", "complete": "yes", "source": "PubMed"},
    "records": {"record_id": "R1", "search_id": "S001", "source": "PubMed", "title": "A record", "received_on": "2026-11-20"},
    "abstracts": {"record_id": "R1", "abstract": "What was done."},
    "record_merges": {
        "record_id": "R1", "same_as_study": "curtis2018", "method": "person", "decided_by": "A. Person", "decided_on": "2026-11-20",
    },
    "screening": {
        "record_id": "R1", "stage": "title_abstract", "reviewer": "A. Person", "role": "reviewer", "decision": "include",
        "decided_at": "2026-11-20T10:00:00Z",
    },
}  # fmt: skip
#: Columns whose text may be any: the first that a table has is edited, in some tables another one.
FREE = (
    "note", "explanation", "definition", "plain_definition", "description", "requirement", "what_it_says", "reason", "label", "text", "basis",
    "abstract",
)  # fmt: skip
COLUMNS = {
    "references": "journal",
    "studies": "country",
    "reconciliations": "settled_by",
    "verifications": "source_read",
    "term_forms": "form",
}
#: Where no column holds free text, and none that takes one of some values can be changed alone.
VALUES = {
    "overlap_members": {"is_primary": "yes"},
    "arms": {"n_doses": "9"},
    "stratum_values": {"may_share": "A+B"},
    "topics": {"first_outcome": "death"},
}
#: Tables are dealt out to chapters, each of which shows digests of all the rows of its tables.
HANDS = 4
HAND = """\
import hashlib

from cordbook.notebook import open_review

evidence = open_review().evidence
for name in {names!r}:
    print(name, hashlib.sha256(evidence[name].to_csv().encode()).hexdigest()[:16])
"""
#: The chapter that asks for cells, each joined with its arm and study.
JOINED = {"book/one.ipynb"}
#: What the chapters of the small book read of these tables (joined cells carry what is declared of the subject), beside the chapters above.
ALSO = {"glossary": {"book/two.ipynb"}} | dict.fromkeys(
    ("studies", "arms", "outcomes", "labels", "dimensions", "facts"),
    JOINED,
)


def chapter_of(table):
    return f"book/hand{TABLES.index(table) % HANDS}.ipynb"


@pytest.fixture(scope="module")
def full_book(tmp_path_factory):
    """The small book with a row in every table and a chapter that reads it, not yet built."""
    project = Project(small_book.make(ROOT, tmp_path_factory.mktemp("tables") / "project"))
    fill(project.data)
    names = [[t for t in TABLES if chapter_of(t) == f"book/hand{n}.ipynb"] for n in range(HANDS)]
    for number, read in enumerate(names):
        small_book.chapter(project.root / "book" / f"hand{number}.ipynb", f"# Hand {number}", HAND.format(names=read))
    with project.toc.open("a", encoding="utf-8") as toc:
        toc.writelines(f"  - file: book/hand{number}\n" for number in range(HANDS))
    return project


def fill(data):
    """Put rows into empty tables, such that nothing breaks a rule."""
    package = {t.name: t for t in load_package(data).tables}
    tables = {name: read_table(data, name) for name in TABLES}
    cell = next(row for row in tables["outcomes"] if row["cell_id"] == CELL)
    term = tables["glossary"][-1]
    arm, counted = an_arm_with_one_cell(tables)
    arm["n"] = str(int(counted["n"]) - 1)
    known = {
        "verifications": {"events": cell["events"], "n": cell["n"]},
        "corrections": {"row_key": term["term_id"], "new_value": term["plain_definition"]},
        "waivers": {"row_key": counted["cell_id"]},
        "searches": {"strategy_id": tables["search_strategies"][0]["strategy_id"]},
    }
    for name in TABLES:
        if not tables[name]:
            assert name in ROWS, f"{name} is empty: give the test a row for it"
            tables[name] = [dict.fromkeys(package[name].columns, "") | ROWS[name] | known.get(name, {})]
    tables["overlap_members"].append(tables["overlap_members"][0] | {"study_id": "curtis2018", "is_primary": "yes"})
    for name in TABLES:
        write_table(data, name, tables[name])


def an_arm_with_one_cell(tables):
    """An arm and its cell, whose size may shrink below that of the cell: then the cell needs a waiver."""
    for arm in tables["arms"]:
        cells = [row for row in tables["outcomes"] if row["arm_id"] == arm["arm_id"]]
        if len(cells) == 1 and arm["n"] and cells[0]["n"] == arm["n"] and int(cells[0]["events"]) < int(arm["n"]):
            return arm, cells[0]
    raise AssertionError("no arm has one cell")


def edit(data, name):
    """Change one cell of a table."""
    rows = read_table(data, name)
    rows[0] |= changed(load_package(data).table(name), rows)
    write_table(data, name, rows)
    if name == "references":  # the bibliography is made of it
        (data.parent / "references.bib").write_text(bibliography_text(rows), encoding="utf-8")


def changed(table, rows):
    """What is edited in the first row of a table, such that no rule is broken: a text, else one of the values that a column allows."""
    if table.name in VALUES:
        return VALUES[table.name]
    if table.name == "extractions":
        # Both readings of the first count, exchanged: a count is read by two readers, whom reconciliations.csv names.
        rows[1]["reader"], exchanged = rows[0]["reader"], rows[1]["reader"]
        return {"reader": exchanged}
    first = rows[0]
    free = COLUMNS.get(table.name) or next((c for c in FREE if c in table.columns), None)
    if free:
        return {free: f"{first[free]} Edited.".strip()}
    for field in table.fields:
        if field.enum and first[field.name]:
            return {field.name: next(value for value in field.enum if value != first[field.name])}
    raise AssertionError(f"no column of {table.name} can be edited by rule: name one in COLUMNS or VALUES")


#: What tests that ran before have left in this process (threads, sockets of kernels) must not reach a build: processes are forked from
#: a server that is clean and has the heavy modules.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [*PRELOADED, "cordbook.publish.build.build", "cordbook.publish.build.site", "cordbook.publish.sphinx.extension", "jupyter_book.config", "myst_nb",
     "sphinx.builders.html", "sphinx_book_theme", "sphinx_design", "sphinx_external_toc", "sphinxcontrib.bibtex"]
)  # fmt: skip


def _chapters(project: Project) -> list[str]:
    """A build up to the writing of pages."""
    store = store_of(project)
    executed = refresh(project, report=quiet, today=Today(project, load_estimates(project.root, store)), store=store)
    return [path.relative_to(project.root).as_posix() for path in executed]


def _build(project: Project, said: Path, pages: bool) -> None:
    try:
        result = [build(project, report=quiet).executed if pages else _chapters(project), ""]
    except BaseException as error:
        result = [[], repr(error)]
    said.write_text(json.dumps(result), encoding="utf-8")


class Forked:
    """A build in a process of its own, since Sphinx keeps much in a process; what it said is read when it has ended."""

    def __init__(self, project: Project, said: Path, pages: bool = True) -> None:
        self.said = said
        self.process = FORKS.Process(target=_build, args=(project, said, pages))
        self.process.start()

    def executed(self):
        self.process.join()
        executed, error = json.loads(self.said.read_text(encoding="utf-8"))
        assert not error, error
        return set(executed)


def test_no_edit_breaks_a_rule(full_book, tmp_path):
    """A table that cannot be edited so is named here, at once and with its rule, and not by a build on the way."""
    data = shutil.copytree(full_book.data, tmp_path / "data")
    before = {name: read_table(data, name) for name in TABLES}
    for name in TABLES:
        edit(data, name)
    assert [name for name in TABLES if read_table(data, name) == before[name]] == []
    report = validate(data)
    assert report.errors == 0, report.as_text()


def test_one_cell_of_every_table(full_book, tmp_path):
    """Each build has one edit. The site is compared after as many as there are chapters, whose tables no chapter shares: what a
    build has missed is still missing then. Clean builds run beside those that follow.

    In the daily run pages are written where the site is compared alone; chapters are executed for each edit."""
    Forked(full_book, tmp_path / "first").executed()
    wrong, clean = {}, []
    for place, name in enumerate(TABLES, start=1):
        edit(full_book.data, name)
        compared = place % HANDS == 0 or place == len(TABLES)
        executed = Forked(full_book, tmp_path / "said", pages=compared or every(HANDS) == 1).executed()
        if executed != {chapter_of(name)} | ALSO.get(name, set()):
            wrong[name] = sorted(executed)
        if compared:
            copy = sources_to(full_book, tmp_path / f"clean {place}")
            clean.append((name, site_of(full_book), copy, Forked(copy, tmp_path / f"said clean {place}")))
    for name, mine, copy, build_of_copy in clean:
        assert len(build_of_copy.executed()) == 3 + HANDS
        other = site_of(copy)
        differ = sorted(path for path in mine.keys() | other.keys() if mine.get(path) != other.get(path))
        if differ:
            wrong[f"up to {name}"] = differ
    assert wrong == {}
