"""references.bib: made from references.csv, read back the same, cited truly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.core import csv_files
from cordbook.evidence import citations, find_data_dir, load_bibliography, resolve_key, validate
from cordbook.evidence.references.bibliography import latex_text, parse_bibliography, plain_text
from cordbook.evidence.references.bibtex_file import bibliography_text, entry_text, note
from cordbook.evidence.references.hosts import host_of, is_listed
from cordbook.evidence.references.items import UNTITLED, one_line, reference_item

DATA = find_data_dir(Path(__file__).parent)
ROW = {
    "reference_id": "lima2010", "kind": "study", "first_author": "Lima", "year": "2010", "title": "Olfactory mucosa in SCI",
    "journal": "A & B", "doi": "10.1000/x", "pmid": "1", "pmcid": "", "url": "https://mirror.example/x",
    "identity_confidence": "confirmed", "same_as": "", "note": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    from cordbook.evidence import load_package, read_rows

    table = load_package(DATA).table("references")
    return [row for _, row in read_rows(DATA / table.path, table).rows]


def test_the_file_is_up_to_date(rows):
    assert (DATA.parent / "references.bib").read_text(encoding="utf-8") == bibliography_text(rows), "run `cordbook references`"


def test_entries_are_the_sources_one_each(rows):
    bibliography = load_bibliography(DATA.parent / "references.bib")
    assert bibliography.problems == ()
    sources = [row for row in rows if not row["same_as"]]
    assert list(bibliography.entries) == sorted(row["reference_id"] for row in sources)
    for row in sources:
        entry = bibliography.entries[row["reference_id"]]
        assert plain_text(entry.fields["title"]) == (row["title"] or UNTITLED)
        assert entry.fields.get("doi", "") == row["doi"]
        incomplete = not all(row[c] for c in ("first_author", "year", "title", "journal"))
        unsure = row["identity_confidence"] in ("partial", "unidentified")
        assert entry.fields.get("note", "").startswith("Record incomplete: ") == (incomplete or unsure)


def test_order_of_rows_does_not_matter(rows):
    assert bibliography_text(rows[::-1]) == bibliography_text(rows)


@settings(deadline=None)
@given(
    st.text(
        st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs", "Cn", "Co")) | st.sampled_from(" \\{}&%$#_~^'\"-`"),
        min_size=1,
        max_size=60,
    )
)
def test_any_title_comes_back_as_it_was(title):
    title = one_line(title) or "x"
    text = bibliography_text([ROW | {"title": title}])
    bibliography = parse_bibliography(text)
    assert bibliography.problems == ()
    assert plain_text(bibliography.entries["lima2010"].fields["title"]) == title


@given(st.text())
def test_escapes_are_undone(text):
    assert plain_text(latex_text(text)) == text


def test_rendered_entries_keep_capitals_and_signs():
    """As the book renders them: through pybtex, with a style that lowers titles."""
    pybtex = pytest.importorskip("pybtex.database")
    from pybtex.plugin import find_plugin

    def rendered(row) -> str:
        style, backend = (
            find_plugin("pybtex.style.formatting", "plain")(),
            find_plugin("pybtex.backends", "plaintext")(),
        )
        (entry,) = style.format_bibliography(pybtex.parse_string(entry_text(row), "bibtex"))
        return entry.text.render(backend)

    title = "Dose >=50.4 Gy & 10% of AIS A_B: a Schwann-cell (OEC) #1 trial -- of McKenna's"
    assert title in rendered(ROW | {"title": title})
    assert "A & B, 2010" in rendered(ROW)
    assert rendered(ROW | {"first_author": "El Tecle"}).startswith("El Tecle.")
    assert rendered(ROW | {"first_author": "Park JM"}).startswith("J.")
    assert "Park" in rendered(ROW | {"first_author": "Park JM"})
    bare = ROW | {"first_author": "", "title": "", "journal": "", "year": ""}
    assert rendered(bare).startswith(UNTITLED)
    assert "Record incomplete: author, title, journal and year not seen" in rendered(bare)
    assert rendered(ROW | {"first_author": "", "year": ""}).startswith("Olfactory mucosa in SCI. A & B.")


def test_the_whole_file_renders(rows):
    pybtex = pytest.importorskip("pybtex.database")
    from pybtex.plugin import find_plugin

    style, backend = find_plugin("pybtex.style.formatting", "plain")(), find_plugin("pybtex.backends", "plaintext")()
    texts = [e.text.render(backend) for e in style.format_bibliography(pybtex.parse_string(bibliography_text(rows), "bibtex"))]
    assert len(texts) == sum(not row["same_as"] for row in rows)
    assert [text for text in texts if "\\" in text or "{" in text] == []


def test_no_author_is_invented(rows):
    entries = load_bibliography(DATA.parent / "references.bib").entries
    for row in rows:
        if not row["same_as"]:
            fields = entries[row["reference_id"]].fields
            assert ("author" in fields, "year" in fields) == (bool(row["first_author"]), bool(row["year"])), row["reference_id"]
            assert " and " not in fields.get("author", "")
            assert len(reference_item(row).get("author", ())) == bool(row["first_author"])


def test_mirrors_are_not_linked(rows):
    from urllib.parse import urlsplit

    listed = {row["host"] for row in csv_files.read(DATA / "vocabulary" / "hosts.csv").rows}
    for entry in load_bibliography(DATA.parent / "references.bib").entries.values():
        if url := entry.fields.get("url"):
            assert url.startswith(("https://", "http://")), url  # some publishers serve no other
            own = {"pubmed.ncbi.nlm.nih.gov", "pmc.ncbi.nlm.nih.gov"}
            assert urlsplit(url).hostname in own or is_listed(host_of(url), listed), url
    assert " url = " not in entry_text(ROW | {"doi": "", "pmid": ""})


def test_notes_say_how_sure_the_identity_is():
    assert note(ROW) == ""
    assert "not identified" in note(ROW | {"identity_confidence": "unidentified"})


def test_a_second_id_is_cited_as_the_first(rows):
    aliases = [row for row in rows if row["same_as"]]
    assert aliases
    assert [resolve_key(rows, row["reference_id"]) for row in aliases] == [row["same_as"] for row in aliases]
    assert resolve_key(rows, rows[0]["reference_id"]) == rows[0]["reference_id"]
    with pytest.raises(KeyError, match="nobody"):
        resolve_key(rows, "nobody")


def test_all_citation_roles_are_found():
    text = "{cite}`a` {cite:t}`b,c` {cite:p}`d`, {cite:ps}`e` {footcite:t}`f` and `cite` and {cite} no"
    assert citations(text) == list("abcdef")


# ------------------------------------------------------------------- in a project, by validate


@pytest.fixture
def project(folder, rows) -> Path:
    (folder.parent / "pyproject.toml").write_text("")
    (folder.parent / "references.bib").write_text(bibliography_text(rows), encoding="utf-8")
    (folder.parent / "book").mkdir()
    # Pages that sections name are looked for too; here there are none.
    (folder / "vocabulary" / "sections.csv").write_text("section,label,page\n", encoding="utf-8")
    return folder.parent


def found(project: Path) -> set[tuple[str, str | None, str | None]]:
    return {(p.file, p.rule, p.value) for p in validate(project / "data").problems if p.severity == "error"}


def notebook(source) -> str:
    return json.dumps(
        {"cells": [{"cell_type": "markdown", "source": source}, {"cell_type": "code", "source": "{cite}`no_text`"}]}
    )


def test_a_sound_project_passes(project, rows):
    (project / "book" / "a.ipynb").write_text(notebook([f"{{cite}}`{rows[0]['reference_id']}`"]))
    assert found(project) == set()


def test_unknown_citations_and_second_ids_are_errors(project, rows):
    alias = next(row["reference_id"] for row in rows if row["same_as"])
    (project / "book" / "a.ipynb").write_text(notebook("{cite:t}`nobody1900`"))
    (project / "book" / "b.md").write_text(f"{{cite}}`{alias}`")
    assert found(project) == {("book/a.ipynb", "citation-known", "nobody1900"), ("book/b.md", "citation-known", alias)}


def test_a_broken_chapter_is_an_error(project):
    (project / "book" / "a.ipynb").write_text("{")
    (project / "book" / "b.ipynb").write_text('{"cells": [1]}')
    assert {(file, rule) for file, rule, _ in found(project)} == {
        ("book/a.ipynb", "chapter-readable"),
        ("book/b.ipynb", "chapter-readable"),
    }


MUTATIONS = {
    "missing": (lambda text: None, "bibliography-form"),
    "doubled entry": (
        lambda text: text + text[text.index("@") : text.index("@", text.index("@") + 1)],
        "bibliography-form",
    ),
    "torn entry": (lambda text: text.replace("},\n}\n", "},\n\n", 1), "bibliography-form"),
    "entry gone": (
        lambda text: text[: text.index("@")] + text[text.index("\n@", text.index("@") + 1) + 1 :],
        "bibliography-complete",
    ),
    "strange entry": (lambda text: text + "@misc{nobody1900,\n  title = {x}\n}\n", "bibliography-complete"),
    "other doi": (lambda text: text.replace("doi = {10.", "doi = {10.9", 1), "bibliography-equal"),
    "other year": (lambda text: text.replace("year = {2019}", "year = {2018}", 1), "bibliography-equal"),
    "other title": (lambda text: text.replace("title = {", "title = {Un", 1), "bibliography-equal"),
    "not text": (lambda text: "\x00@{", "bibliography-complete"),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutated_bibliography_is_reported(name, project):
    mutate, rule = MUTATIONS[name]
    path = project / "references.bib"
    text = path.read_text(encoding="utf-8")
    mutated = mutate(text)
    path.unlink()
    if mutated is not None:
        path.write_text(mutated, encoding="utf-8")
    rules = {(file, r) for file, r, _ in found(project)}
    assert ("references.bib", rule) in rules


def test_a_folder_outside_a_project_needs_no_bibliography(folder):
    assert validate(folder).errors == 0


DAMAGE = {
    "an address that a browser runs": lambda bib, entry: bib.replace(
        entry, entry.replace("  year =", "  url = {javascript:alert(1)},\n  year =")
    ),
    "another kind": lambda bib, entry: bib.replace(entry, entry.replace("@article", "@misc")),
    "another journal": lambda bib, entry: bib.replace(entry, entry.replace("journal = {", "journal = {Zz ")),
    "another author": lambda bib, entry: bib.replace(entry, entry.replace("author = {", "author = {Zz")),
    "a field twice": lambda bib, entry: bib.replace(entry, entry.replace("  year =", "  year = {1901},\n  year =")),
    "a field more": lambda bib, entry: bib.replace(entry, entry.replace("  year =", "  keywords = {x},\n  year =")),
    "text between entries": lambda bib, entry: bib.replace(entry, "left over\n" + entry),
    "a head that is damaged": lambda bib, entry: bib.replace(entry, entry.replace("@article{", "article{")),
    "an invisible character": lambda bib, entry: bib.replace(entry, entry.replace("title = {", "title = {\u202e")),
    "a comment around it": lambda bib, entry: bib.replace(entry, "@comment{" + entry + "}\n"),
}
HARMLESS = {
    "windows line ends": lambda bib, entry: bib.replace("\n", "\r\n"),
    "a byte-order mark": lambda bib, entry: "\ufeff" + bib,
    "a comment": lambda bib, entry: bib.replace(entry, "% looked at\n" + entry),
    "braces as people write them": lambda bib, entry: bib.replace(
        entry, entry.replace("title = {", "title = {{").replace("},\n  journal", "}},\n  journal")
    ),
    "other blanks": lambda bib, entry: bib.replace(entry, entry.replace("  title = ", "\ttitle=")),
    "capitals of the kind": lambda bib, entry: bib.replace(entry, entry.replace("@article", "@ARTICLE")),
}


def judged(tmp_path, change, rows) -> list:
    from cordbook.evidence import load_package, read_all
    from cordbook.evidence.rules import Data
    from cordbook.evidence.rules.bibliography import check_bibliography

    bib = bibliography_text(rows)
    entry = next(f"@article{e}" for e in bib.split("@article")[1:] if "  url = " not in e and "  note" not in e).split("\n@")[0]
    changed = change(bib, entry)
    assert changed != bib
    path = tmp_path / "references.bib"
    path.write_bytes(changed.encode())
    package = load_package(DATA)
    return list(check_bibliography(path, Data(package, read_all(DATA, package))))


@pytest.mark.parametrize("name", DAMAGE)
def test_every_field_of_the_file_is_compared(name, tmp_path, rows):
    problems = judged(tmp_path, DAMAGE[name], rows)
    assert problems
    assert all(p.message and p.remedy and p.file == "references.bib" for p in problems)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_means_the_same_is_accepted(name, tmp_path, rows):
    assert judged(tmp_path, HARMLESS[name], rows) == []


def test_addresses_are_read_as_people_write_them():
    text = "@misc{a,\n  title = {{A {Trial}}},\n  howpublished = {\\url{https://x.org/a_b}},\n}\n"
    fields = parse_bibliography(text).entries["a"].fields
    assert (plain_text(fields["title"]), plain_text(fields["howpublished"])) == ("A Trial", "https://x.org/a_b")
