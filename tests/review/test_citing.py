"""Citations: every format is read back by a reader of that format, whatever stands in the data."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.evidence.references.bibliography import parse_bibliography, plain_text
from cordbook.evidence.review_state import StatusError, load_status
from cordbook.review.citation.citations import (
    UnknownId,
    cite_book,
    cite_estimate,
    cite_frozen,
    cite_release,
    cite_study,
    cite_today,
    record_of,
    records_by_id,
)
from cordbook.review.citation.edition import Author, CitationFileError, Edition, edition_of_tree
from cordbook.review.citation.error_report import report_link, report_on
from cordbook.review.citation.formats import FORMATS, apa, bibtex, csl, ris, text
from cordbook.review.estimates.phrases import phrase
from cordbook.review.reporting.freezing import freeze
from cordbook.review.versions.releases import Release, Version

AUTHORS = (Author("Ng", "Anna-Maria B."), Author("The {Group} & Co", group=True))
RELEASED = Edition("A living review", AUTHORS, "0.1.0", dt.date(2026, 11, 21), True, short="Cordbook")
TREE = Edition("A living review", AUTHORS, "0.2.0.dev0", dt.date(2026, 11, 20), False, short="Cordbook")
NASTY = st.text(max_size=60) | st.sampled_from(
    ["}, author={x", "A\nER  - \nTY  - GEN", "<script>", "50% of $x_1$ & #2", "\\input{x}", "a -- b", "\u202eevil", "ends\\", "{"]
)


def ris_fields(record: str) -> dict[str, list[str]]:
    """Tags of a RIS record by the rule of the format: two signs, two blanks, a hyphen, a blank; lines end in CR LF."""
    assert record.endswith("ER  - \r\n")
    found: dict[str, list[str]] = {}
    for line in record.removesuffix("\r\n").split("\r\n"):
        tag = re.fullmatch(r"([A-Z][A-Z0-9])  - ([^\r\n]*)", line)
        assert tag, line
        found.setdefault(tag[1], []).append(tag[2])
    return found


def shown(value: str) -> str:
    """What remains of a value: one line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


@pytest.fixture(scope="module")
def cell_therapy(estimates):
    return estimates["ais-improved-cell-therapy"]


def test_one_line_says_number_counts_version_and_id(cell_therapy):
    said = text(cite_estimate(cell_therapy, RELEASED))
    interval = phrase(cell_therapy).partition("(")[2].rstrip(")")
    assert said == (
        f"{phrase(cell_therapy, 'point')} ({interval}; k = {cell_therapy.k}, n = {cell_therapy.n:,}), cordbook 0.1.0, "
        "estimate ais-improved-cell-therapy"
    )


def test_a_working_tree_is_called_unreleased_in_every_format(cell_therapy):
    for write in FORMATS.values():
        assert "unreleased" in write(cite_estimate(cell_therapy, TREE)), write
        assert "unreleased" in write(cite_book(TREE)) or write is FORMATS["csl-json"]
        assert "unreleased" not in write(cite_estimate(cell_therapy, RELEASED))


def test_every_estimate_and_study_can_be_cited_and_read_back(estimates):
    records = records_by_id(estimates.evidence)
    studies = [cite_study(s, record_of(records, s), RELEASED) for s in estimates.evidence["studies"]["study_id"]]
    every = [cite_book(RELEASED), *(cite_estimate(e, RELEASED) for e in estimates), *studies]
    read = parse_bibliography("\n".join(map(bibtex, every)))
    assert read.problems == ()
    assert sorted(read.entries) == sorted(c.key for c in every)
    for c in every:
        entry, fields = read.entries[c.key].fields, ris_fields(ris(c))
        assert plain_text(entry["title"]) == fields["TI"][0] == csl(c)["title"]
        assert c.title in fields["TI"][0]
        assert fields["ID"] == [c.key]
        assert c.kind == "study" or c.number in fields["TI"][0]


def test_what_was_not_seen_of_a_report_is_said_not_made_up():
    c = cite_study("x2001", {"first_author": "", "title": None, "year": float("nan"), "journal": "", "doi": ""}, RELEASED)
    assert apa(c) == "[Title not seen]. (n.d.)."
    assert text(c).startswith("“[Title not seen]” (n.d.), as read for")
    assert {"AU", "PY"} & ris_fields(ris(c)).keys() == set()
    assert {"author", "issued"} & csl(c).keys() == set()
    assert {"author", "year"} & parse_bibliography(bibtex(c)).entries["x2001"].fields.keys() == set()
    titled = cite_study("x2001", {"title": "Tolerance", "year": 1981, "journal": "Radiology"}, RELEASED)
    assert apa(titled) == "Tolerance. (1981). Radiology."
    assert all("not seen" not in write(titled) for write in FORMATS.values())


def test_only_the_first_author_is_known_and_the_entry_says_so():
    c = cite_study("x2001", {"first_author": "'t Hart E", "title": "T", "year": 2001, "journal": "J", "doi": "10.1/x"}, RELEASED)
    assert apa(c) == "'t Hart, E. et al. (2001). T. J. https://doi.org/10.1/x"
    assert "and others" in bibtex(c)
    assert any("only the first" in note for note in ris_fields(ris(c))["N1"])


def test_people_and_groups_are_written_as_the_formats_ask():
    c = cite_book(RELEASED)
    assert apa(c).startswith("Ng, A.-M. B., & The {Group} & Co. (2026).")
    assert csl(c)["author"] == [{"family": "Ng", "given": "Anna-Maria B."}, {"literal": "The {Group} & Co"}]
    assert ris_fields(ris(c))["AU"] == ["Ng, Anna-Maria B.", "The {Group} & Co"]
    author = parse_bibliography(bibtex(c)).entries["cordbook-0.1.0"].fields["author"]
    assert author == r"Ng, Anna-Maria B. and {The {\textbraceleft}Group{\textbraceright} \& Co}"


@settings(max_examples=150, deadline=None)
@given(NASTY, NASTY, NASTY, NASTY)
def test_nothing_in_a_record_can_end_a_field_or_begin_another(author, title, journal, doi):
    c = cite_study("x2001", {"first_author": author, "title": title, "journal": journal, "year": 2001, "doi": doi}, RELEASED)
    read = parse_bibliography(bibtex(c))
    assert read.problems == ()
    assert list(read.entries) == ["x2001"]
    entry = read.entries["x2001"].fields
    assert set(entry) <= {"author", "title", "journal", "howpublished", "year", "doi", "note", "key"}
    assert plain_text(entry["title"]) == shown(c.title)
    fields = ris_fields(ris(c))
    assert set(fields) <= {"TY", "ID", "AU", "TI", "JO", "PY", "DO", "N1", "ER"}
    assert fields["TI"] == [shown(c.title)] if shown(c.title) else True
    assert len(fields.get("AU", ())) == bool(shown(author))
    assert json.loads(FORMATS["csl-json"](c))[0]["title"] == c.title
    assert "\n" not in apa(c)


def test_ris_is_read_by_another_library(estimates):
    rispy = pytest.importorskip("rispy", reason="rispy is not installed")
    every = [cite_book(RELEASED), *(cite_estimate(e, RELEASED) for e in estimates)]
    found = rispy.loads("\r\n".join(map(ris, every)))
    assert [r["id"] for r in found] == [c.key for c in every]
    assert all(r["authors"][0] == "Ng, Anna-Maria B." for r in found)


def test_a_release_is_cited_as_it_was_frozen(estimates, cell_therapy):
    frozen = freeze(estimates)
    released = Release(frozen.estimates, (), (), frozen.rows, {}, version=Version(0, 1, 0), date=RELEASED.date, manifest=None)
    for e in estimates:
        assert cite_frozen(frozen.estimates[e.id], RELEASED) == cite_estimate(e, RELEASED)
    assert cite_release(released, estimates.evidence, RELEASED, "lima2010") == cite_today(estimates, RELEASED, "lima2010")
    with pytest.raises(UnknownId, match=r"release 0\.1\.0 has no estimate.*ais-improved-cell-therapy"):
        cite_release(released, estimates.evidence, RELEASED, "ais-improved-cel-therapy")


def test_an_unknown_id_names_what_is_near(estimates):
    with pytest.raises(UnknownId) as raised:
        cite_today(estimates, TREE, "lima2001")
    assert "lima2010" in raised.value.args[0]


def test_the_address_is_that_of_the_version():
    site = "https://example.org/book/"
    assert Edition("T", (), "0.1.0", dt.date(2026, 1, 1), True, site).address("a.html#b") == f"{site}v0.1.0/a.html#b"
    assert Edition("T", (), "0.2.0.dev0", dt.date(2026, 1, 1), False, site).address("a.html") == f"{site}a.html"
    assert RELEASED.address("a.html") == ""


def test_a_comparison_names_its_measure(estimates):
    assert text(cite_estimate(estimates["ais-improved-treated-v-control"], RELEASED)).startswith("OR ")


def project(tmp_path, root, **changed):
    (tmp_path / "data").mkdir()
    review = (root / "data" / "review.yml").read_text(encoding="utf-8")
    for name, value in changed.items():
        review = re.sub(rf"^{name}:.*$", f"{name}: {value}", review, flags=re.M)
    (tmp_path / "data" / "review.yml").write_text(review, encoding="utf-8")
    shutil.copy(root / "CITATION.cff", tmp_path)
    return tmp_path


def test_authors_and_title_come_from_the_citation_file(tmp_path, root):
    folder = project(tmp_path, root)
    cff = (folder / "CITATION.cff").read_text(encoding="utf-8")
    people = 'authors:\n  - family-names: Berg\n    given-names: Ada\n    name-particle: van den\n  - name: "A group"\n'
    (folder / "CITATION.cff").write_text(re.sub(r"authors:\n(  .*\n)+", people, cff), encoding="utf-8")
    edition = edition_of_tree(folder, "0.1.0.dev0")
    assert edition.authors == (Author("van den Berg", "Ada"), Author("A group", group=True))
    (folder / "CITATION.cff").write_text("title: T\n", encoding="utf-8")
    with pytest.raises(CitationFileError, match="list of authors"):
        edition_of_tree(folder, "0.1.0.dev0")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("report_to", "javascript:alert(1)"), ("report_to", "https://x/\"onclick"), ("report_to", "a@b.c?bcc=d@e.f"),
        ("address", "https://example.org/book"), ("address", "http://example.org/"), ("id", "urn:uuid:1"),
    ],
)  # fmt: skip
def test_an_address_that_could_become_markup_is_refused(tmp_path, root, name, value):
    with pytest.raises(StatusError, match=name):
        load_status(project(tmp_path, root, **{name: json.dumps(value)}) / "data")


@pytest.mark.parametrize(
    ("report_to", "begins"),
    [
        ("book@example.org", "mailto:book@example.org?subject=Error%20in%20estimate%20ais-improved-cell-therapy&body="),
        ("https://github.com/o/r", "https://github.com/o/r/issues/new?title=Error%20in%20estimate"),
        ("https://github.com/o/r/issues", "https://github.com/o/r/issues/new?title=Error%20in%20estimate"),
        ("https://gitlab.example.org/o/r/-/issues", "https://gitlab.example.org/o/r/-/issues/new?issue%5Btitle%5D="),
    ],
)
def test_a_report_opens_with_id_and_version(tmp_path, root, cell_therapy, report_to, begins):
    status = load_status(project(tmp_path, root, report_to=report_to) / "data")
    link = report_link(status.report_to, report_on(cite_estimate(cell_therapy, TREE)))
    assert link.startswith(begins)
    assert "0.2.0.dev0" in link
    assert "ais-improved-cell-therapy" in link
    assert re.fullmatch(r"[A-Za-z0-9:/@.?=&%+_-]+", link)
    assert report_link("", report_on(cite_book(TREE))) == ""
