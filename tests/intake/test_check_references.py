"""References against Crossref over real HTTP, with all that goes wrong there, and against the Retraction Watch data set."""

from __future__ import annotations

import csv
import json
import socket
from pathlib import Path
from urllib.parse import unquote

import pytest

pytest.importorskip("httpx")

from hypothesis import given, settings
from hypothesis import strategies as st

from cordbook.cli import main
from cordbook.evidence.rules.validation import validate
from cordbook.intake.records.store import read_rows
from cordbook.intake.references.match import match, names_agree, title_similarity
from cordbook.intake.sources.crossref_works import KINDS, Work, work_of
from cordbook.intake.sources.retraction_watch import NotTheDataSet, read_watch
from tests.intake.replay import FAULTS, PATIENT, Replay, patience, serving

ROOT = Path(__file__).parents[2]
EVIL = "\x1b]8;;http://evil\x1b\\\x1b[31m<script>alert(1)</script>\u202eOf hearts"
#: Columns of the data set in its order, as published.
WATCH = [
    "Record ID",
    "Title",
    "Subject",
    "Institution",
    "Journal",
    "Publisher",
    "Country",
    "Author",
    "URLS",
    "ArticleType",
    "RetractionDate",
    "RetractionDOI",
    "RetractionPubMedID",
    "OriginalPaperDate",
    "OriginalPaperDOI",
    "OriginalPaperPubMedID",
    "RetractionNature",
    "Reason",
    "Paywalled",
    "Notes",
]
REFERENCES = [
    # id, first author, year, title, doi, pmid
    ("ruiz2019", "Ruiz", "2019", "Cells in the injured spinal cord", "10.1000/(ok)1", "11"),
    ("chen2015", "Chen", "2015", "A trial of cells after cord injury", "10.1000/taken-back", "12"),
    ("ito2016", "Ito", "2016", "Stimulation of the cord in ten people", "10.1000/concern", ""),
    ("kim2017", "Kim", "2017", "Oxygen for radiation myelopathy", "10.1000/corrected", ""),
    ("abe2018", "Abe", "2018", "Steroids and the cord", "10.1000/another", ""),
    ("lee2014", "Lee", "2014", "Eine Studie zu Rückenmark und Zellen", "10.1000/translated", ""),
    ("fox2012", "Fox", "2012", "Old cohort of cord injury", "10.1000/unregistered", ""),
    ("gray2011", "Gray", "2011", "A paper with a PubMed number alone", "", "99"),
    ("none2010", "None", "2010", "A paper with no number", "", ""),
]
STUDIES = ("ruiz2019", "chen2015", "gray2011")


def update(kind: str, doi: str, year: int, source: str = "publisher") -> dict:
    return {
        "type": kind,
        "label": kind.title(),
        "DOI": doi,
        "source": source,
        "updated": {"date-parts": [[year, 3, 1]]},
        "record-id": 7,
    }


def works() -> dict[str, dict]:
    """What Crossref has: by DOI, as its documentation shows a work."""
    found = {}
    for _, author, year, title, doi, _ in REFERENCES:
        if doi and "unregistered" not in doi:
            found[doi] = {
                "DOI": doi.upper(), "type": "journal-article", "title": [f"{title}."], "subtitle": [],
                "author": [{"family": author, "given": "A", "sequence": "first"}], "issued": {"date-parts": [[int(year), 2]]},
                "reference": [{"key": "long"}] * 5, "relation": {},
            }  # fmt: skip
    found["10.1000/taken-back"] |= {
        "title": ["RETRACTED: A trial of cells after cord injury"],
        "updated-by": [
            update("retraction", "10.1000/NOTICE", 2020),
            update("retraction", "10.1000/notice", 2020, "retraction-watch"),
        ],
    }
    found["10.1000/concern"]["updated-by"] = [
        update("expression_of_concern", "10.1000/eoc", 2021),
        update("new_version", "10.1000/v2", 2021),
    ]
    found["10.1000/corrected"]["updated-by"] = [update("erratum", "10.1000/err", 2018)]
    found["10.1000/another"] |= {"title": [EVIL], "author": [{"family": "Smith"}], "issued": {"date-parts": [[1999]]}}
    found["10.1000/translated"]["title"] = ["A study of the spinal cord and cells"]
    return found


class Works(Replay):
    """Crossref's ``/works/{doi}``."""

    def body(self, path: str, q: dict[str, str]) -> tuple[int, bytes]:
        doi = unquote(path.removeprefix("/crossref/works/"))
        found = works().get(doi)
        if found is None:
            return 404, b"Resource not found."
        return 200, json.dumps({"status": "ok", "message-type": "work", "message": found}).encode()


@pytest.fixture
def project(intake_project: Path) -> Path:
    data = intake_project / "data"
    with open(data / "references.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("reference_id", "kind", "first_author", "year", "title", "doi", "pmid"))
        writer.writerows((key, "study", author, year, title, doi, pmid) for key, author, year, title, doi, pmid in REFERENCES)
    (data / "studies.csv").write_text("study_id\n" + "\n".join(STUDIES) + "\n")
    return intake_project


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("CORDBOOK_RETRACTION_WATCH", raising=False)
    with serving(Works([])) as replay:
        monkeypatch.setenv("CORDBOOK_CROSSREF_URL", f"{replay.url}/crossref")
        yield replay


def run(*more: str) -> int:
    return main(["check-references", "--back-off", "0.01", "--timeout", str(PATIENT), "--interval", "0", *more])


def as_json(capsys: pytest.CaptureFixture[str], *more: str) -> dict:
    run("--json", *more)
    return json.loads(capsys.readouterr().out)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "intake.lock"
    }


def watch_file(path: Path, *rows: dict[str, str], encoding: str = "utf-8") -> Path:
    with open(path, "w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, WATCH, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def watched(nature: str, doi: str = "unavailable", pmid: str = "0", **more: str) -> dict[str, str]:
    return {
        "Record ID": "4711", "RetractionNature": nature, "OriginalPaperDOI": doi, "OriginalPaperPubMedID": pmid,
        "RetractionDOI": "unavailable", "RetractionDate": "4/15/2021 0:00", "Reason": "+Concerns/Issues About Data;+Error in Image;",
    } | more  # fmt: skip


KINDS_FOUND = {
    ("chen2015", "retraction"), ("ito2016", "expression_of_concern"), ("kim2017", "correction"), ("abe2018", "identity_doubt"),
}  # fmt: skip


def test_what_crossref_says_becomes_proposals_and_nothing_is_written(project, server, capsys):
    before = everything(project / "data")
    found = as_json(capsys, "--online")
    assert {(n["reference_id"], n["kind"]) for n in found["notices"]} == KINDS_FOUND
    assert [n["year"] for n in found["notices"] if n["kind"] == "retraction"] == ["2020"], "two sources, one notice"
    assert found["crossref"]["not_registered"] == ["10.1000/unregistered"]
    assert [d["reference_id"] for d in found["differences"]] == ["lee2014"], "a translated title is shown, not written"
    assert (found["references"], found["checkable"], found["written"]) == (9, 8, 0)
    assert everything(project / "data") == before
    assert all("mailto" not in q for _, q in server.asked), "no address was given"


def test_write_adds_each_notice_once_and_removes_none(project, server, capsys):
    data = project / "data"
    own = "N07,ruiz2019,,disputing_letter,2020,A letter,It doubts.,https://example.org/x,high,,"
    path = data / "integrity_notices.csv"
    path.write_text(path.read_text() + own + "\n")
    assert run("--online", "--write") == 0
    rows = read_rows(data, "integrity_notices")
    assert path.read_text().splitlines()[1] == own
    assert [r["notice_id"] for r in rows] == ["N07", "N08", "N09", "N10", "N11"]
    retracted = next(r for r in rows if r["kind"] == "retraction")
    assert (retracted["study_id"], retracted["citation"]) == ("chen2015", "")
    assert retracted["reference"] == "Retraction, doi 10.1000/notice, 2020; Retraction Watch record 7"
    assert retracted["source_url"] == "https://doi.org/10.1000/notice"
    assert retracted["found_by"].startswith("cordbook ")
    assert retracted["found_on"]
    assert next(r for r in rows if r["kind"] == "correction")["citation"].endswith("[kim2017]"), "no study of the review"
    whole = path.read_bytes()
    assert run("--online", "--write") == 0
    assert path.read_bytes() == whole
    assert "Nothing was added" in capsys.readouterr().out


def test_a_notice_that_a_person_wrote_is_known(project, server, capsys):
    path = project / "data" / "integrity_notices.csv"
    path.write_text(path.read_text() + "N01,chen2015,,retraction,,Retraction notice,Taken back.,https://example.org/x,high,,\n")
    found = as_json(capsys, "--online")
    assert {n["kind"]: n["known"] for n in found["notices"]}["retraction"]
    path.write_text(path.read_text().replace("https://example.org/x", "https://doi.org/10.1000/notice-of-another"))
    found = as_json(capsys)
    assert not {n["kind"]: n["known"] for n in found["notices"]}["retraction"], "that row is about another notice"


def test_what_others_wrote_cannot_act_in_the_terminal_or_the_table(project, server, capsys):
    run("--online", "--write")
    out = capsys.readouterr()
    for text in (out.out, out.err, (project / "data" / "integrity_notices.csv").read_text()):
        assert not any(sign in text for sign in ("\x1b", "\u202e", "<script", "\x07"))
    assert "Of hearts" in out.out


@pytest.mark.parametrize("fault", FAULTS)
def test_a_passing_fault_loses_nothing(project, server, capsys, fault):
    server.faults = {2: FAULTS[fault]}
    found = as_json(capsys, "--online", "--timeout", str(patience(fault)))
    assert {(n["reference_id"], n["kind"]) for n in found["notices"]} == KINDS_FOUND
    assert found["crossref"]["failed"] == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_that_breaks_off_goes_on_where_it_stopped(project, server, capsys, fault):
    server.faults = dict.fromkeys(range(3, 99), FAULTS[fault])
    assert run("--online", "--write", "--back-off", "0", "--timeout", str(patience(fault))) == 1
    out = capsys.readouterr().out
    assert "Not checked: 5 DOIs" in out
    assert [r["kind"] for r in read_rows(project / "data", "integrity_notices")] == ["retraction"], "what had come is used"
    server.faults = {}
    asked = len(server.asked)
    assert run("--online", "--write") == 0
    assert len(server.asked) - asked == 5, "the two that had come were not asked again"
    rows = read_rows(project / "data", "integrity_notices")
    assert sorted(r["kind"] for r in rows) == sorted(kind for _, kind in KINDS_FOUND)


def test_a_data_set_that_is_not_there_is_named(project, capsys):
    assert run("--retraction-watch", "nowhere.csv") == 1
    told = "nowhere.csv cannot be read: No such file or directory. Check that it and its folder are there."
    assert capsys.readouterr().err.splitlines()[-1].endswith(told)


def test_no_network_is_one_line_and_changes_nothing(project, monkeypatch, capsys):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("CORDBOOK_CROSSREF_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
    before = everything(project)
    assert run("--online", "--write") == 1
    out = capsys.readouterr()
    assert out.out == ""
    assert len(out.err.splitlines()) == 1
    assert "no network" in out.err
    assert out.err.endswith("Nothing was changed.\n")
    assert everything(project) == before


def test_kept_answers_serve_without_a_network_until_they_are_old(project, server, capsys):
    run("--online")
    asked = len(server.asked)
    capsys.readouterr()
    assert {(n["reference_id"], n["kind"]) for n in as_json(capsys)["notices"]} == KINDS_FOUND
    as_json(capsys, "--online")
    assert len(server.asked) == asked
    as_json(capsys, "--online", "--max-age", "-1")
    assert len(server.asked) == 2 * asked


def test_a_damaged_answer_in_the_cache_is_asked_again(project, server, capsys):
    run("--online")
    for path in (project / ".cordbook" / "references" / "crossref").iterdir():
        path.write_bytes(path.read_bytes()[:20])
    asked = len(server.asked)
    capsys.readouterr()
    assert {(n["reference_id"], n["kind"]) for n in as_json(capsys, "--online")["notices"]} == KINDS_FOUND
    assert len(server.asked) == 2 * asked


def test_nothing_to_check_against_is_wrong_use(project, capsys):
    assert run() == 2
    assert "--retraction-watch" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------- Retraction Watch


def test_the_data_set_is_matched_by_doi_and_by_pubmed_number(project, server, capsys, monkeypatch):
    path = watch_file(
        project / "rw.csv",
        watched("Retraction", doi="10.1000/TAKEN-BACK", RetractionDOI="10.1000/notice"),
        watched("Expression of concern", pmid="99", **{"Record ID": "12"}),
        watched("Retraction", doi="10.9999/of-others", pmid="0"),
        watched("Retraction"),
    )
    found = as_json(capsys, "--retraction-watch", str(path))
    assert {(n["reference_id"], n["kind"]) for n in found["notices"]} == {
        ("chen2015", "retraction"),
        ("gray2011", "expression_of_concern"),
    }
    assert found["retraction_watch"] == {"rows": 4, "latest": "2021-04-15", "misshapen_lines": []}
    says = {n["reference_id"]: n["what_it_says"] for n in found["notices"]}
    assert "Concerns/Issues About Data; Error in Image" in says["chen2015"]
    monkeypatch.setenv("CORDBOOK_RETRACTION_WATCH", str(path))
    both = as_json(capsys, "--online")
    [retraction] = [n for n in both["notices"] if n["kind"] == "retraction"]
    assert "Crossref" in retraction["what_it_says"]
    assert "Retraction Watch" in retraction["what_it_says"]


def test_a_reinstatement_is_a_notice_of_its_own(project, capsys):
    path = watch_file(
        project / "rw.csv", watched("Retraction", doi="10.1000/corrected"), watched("Reinstatement", doi="10.1000/corrected")
    )
    assert [n["kind"] for n in as_json(capsys, "--retraction-watch", str(path))["notices"]] == ["retraction", "reinstatement"]


def test_an_older_encoding_and_broken_rows_are_told(project, capsys):
    path = watch_file(project / "rw.csv", watched("Retraction", doi="10.1000/concern", Title="Rückenmark"), encoding="latin-1")
    path.write_bytes(path.read_bytes() + b"1,2,3\r\n")
    found = as_json(capsys, "--retraction-watch", str(path))
    assert [n["reference_id"] for n in found["notices"]] == ["ito2016"]
    assert found["retraction_watch"]["misshapen_lines"] == [3]


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\x00", b"Record ID\n" + b"x" * 2_000_000])
def test_another_file_is_refused_by_name(project, capsys, content):
    path = project / "rw.csv"
    path.write_bytes(content)
    assert run("--retraction-watch", str(path), "--write") == 1
    assert "rw.csv" in capsys.readouterr().err
    assert read_rows(project / "data", "integrity_notices") == []


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=400), st.integers(0, 2000))
def test_no_damage_to_the_data_set_crashes_its_reader(tmp_path_factory, noise, at):
    path = watch_file(tmp_path_factory.getbasetemp() / "damaged.csv", *(watched("Retraction", doi=f"10.1/{n}") for n in range(5)))
    whole = path.read_bytes()
    at = min(at, len(whole))
    path.write_bytes(whole[:at] + noise + whole[at:])
    try:
        watch = read_watch(path, ["10.1/1"], [])
    except NotTheDataSet:
        return
    assert watch.rows >= len(watch.misshapen)


# ------------------------------------------------------------------------------------------------- the measure

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["family", "name", "type", "DOI", "date-parts", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("DOI", "title", "subtitle", "author", "issued", "type", "relation", "updated-by", "update-to")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_no_answer_of_another_shape_crashes_its_reader(message):
    work = work_of(message)
    assert isinstance(work, Work)
    assert all(u.kind in set(KINDS.values()) for u in work.updates)
    match("Cells in the cord", "2019", "Ruiz", work)


def _own() -> list[tuple[str, str, str]]:
    rows = read_rows(ROOT / "data", "references")
    return [
        (r["title"], r["year"], r["first_author"]) for r in rows if r["title"] and r["year"] and r["first_author"] and r["doi"]
    ]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_paper_is_known_in_other_spelling_and_no_other_paper_is_taken_for_it(data):
    """The review's own references: damaged as registrations differ from citations, and against each other."""
    papers = _own()
    title, year, author = data.draw(st.sampled_from(papers))
    shape = data.draw(
        st.sampled_from([str.upper, str.title, lambda t: f"RETRACTED: {t}", lambda t: t.replace(",", ";").replace("-", "–")])
    )
    later = str(int(year) + data.draw(st.sampled_from([-1, 0, 1])))
    assert match(title, year, author, Work("10.1/a", shape(title), (later,), (f"van {author}",), "journal-article")).differ == ()
    other = data.draw(st.sampled_from([p for p in papers if p[0] != title]))
    if title_similarity(title, other[0]) < 80 and (other[2] != author or abs(int(other[1]) - int(year)) > 1):
        assert match(title, year, author, Work("10.1/b", other[0], (other[1],), (other[2],), "journal-article")).another


def test_what_is_not_known_is_neither_equal_nor_different():
    matched = match("", "", "", Work("10.1/a", "On cords", ("2001",), ("Chen",), "journal-article"))
    assert (matched.agree, matched.differ, matched.another) == ((), (), False)
    assert not names_agree("Li", "Oliveira")
    assert title_similarity("Cells", "Cells in the injured spinal cord") < 80, "a short title is not part of a longer one"


# ------------------------------------------------------------------------------------------------ the real tables


def test_rows_that_are_added_to_the_real_tables_are_valid(tmp_path, monkeypatch, capsys):
    import shutil

    root = tmp_path / "project"
    root.mkdir()
    shutil.copytree(ROOT / "data", root / "data", ignore=shutil.ignore_patterns("raw"))
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, root)
    rows = [r for r in read_rows(ROOT / "data", "references") if r["doi"]]
    natures = ("Retraction", "Correction", "Expression of concern", "Reinstatement")
    path = watch_file(
        tmp_path / "rw.csv", *(watched(natures[i % 4], doi=r["doi"], Reason="=1+1;@evil") for i, r in enumerate(rows))
    )
    monkeypatch.chdir(root)
    before = len(read_rows(root / "data", "integrity_notices"))
    assert run("--retraction-watch", str(path), "--write") == 0
    assert len(read_rows(root / "data", "integrity_notices")) == before + len(rows)
    assert [p for p in validate(root / "data").problems if p.file == "integrity_notices.csv"] == []
