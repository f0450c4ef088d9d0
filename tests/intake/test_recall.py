"""What share of the included studies a search finds: in a file of records, and by titles. Every study is found, missed or open."""

from __future__ import annotations

import shutil

import pytest

from cordbook.cli import main
from cordbook.core import csv_files
from cordbook.core.project import Project
from cordbook.evidence.evidence import load_evidence
from cordbook.intake.recall.in_records import in_records
from cordbook.intake.records.record import Record
from cordbook.review.appraisal.search_recall import CannotMeasure, Study, by_title, included_studies, of_topics, recalls, together
from tests.intake.invented import ROOT


@pytest.fixture(scope="module")
def evidence():
    return load_evidence(ROOT / "data")


@pytest.fixture(scope="module")
def studies(evidence):
    return included_studies(evidence)


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "data", folder / "data", ignore=shutil.ignore_patterns("raw"))
    (folder / "_config.yml").write_text("")
    (folder / "_toc.yml").write_text("")
    monkeypatch.chdir(folder)
    return folder


def references(**wanted):
    rows = csv_files.read(ROOT / "data" / "references.csv").rows
    return [r for r in rows if r["kind"] == "study" and not r["same_as"] and all(bool(r[k]) == v for k, v in wanted.items())]


def test_every_study_is_found_missed_or_open(evidence, studies):
    for recall, row in zip(recalls(evidence), evidence["search_strategies"].itertuples(), strict=True):
        assert recall.name == row.strategy_id
        if recall.share is None:
            assert recall.note
            continue
        wanted = {s.study_id for s in of_topics(studies, row.looks_for)}
        parts = [{s.study_id for s in recall.found}, {m.study.study_id for m in recall.missed}, {s.study_id for s in recall.open}]
        assert set.union(*parts) == wanted
        assert sum(map(len, parts)) == len(wanted)
        assert {s.study_id for s in recall.open} == {s.study_id for s in studies if not s.title} & wanted
        assert sum(found for found, _ in recall.by_topic().values()) == len(recall.found)
        assert sum(asked for _, asked in recall.by_topic().values()) == recall.asked


def test_europe_pmc_is_as_wide_as_pubmed(evidence):
    """Of what the words of titles can tell, nothing that PubMed finds is lost in the search that runs every month."""
    by_name = {r.name: {s.study_id for s in r.found} for r in recalls(evidence)}
    for part in ("injury", "radiation"):
        assert by_name[f"pubmed-{part}"] <= by_name[f"epmc-{part}"]


def test_no_search_is_made_of_names_of_studies(evidence):
    """A search that names authors, registrations or whole titles would find what is known and nothing else."""
    authors = {a.split()[0].lower() for a in evidence["references"]["first_author"].dropna() if len(a.split()[0]) > 4}
    # A title of two words, such as "Radiation myelopathy", is a term of its field.
    titles = {t.lower() for t in evidence["references"]["title"].dropna() if len(t.split()) > 3}
    for row in evidence["search_strategies"].itertuples():
        query = row.query.lower()
        words = set(query.replace('"', " ").replace("[", " ").replace(":", " ").split())
        assert not words & (authors - {"schwann"}), row.strategy_id
        assert not any(title in query for title in titles)
        assert "nct0" not in query


def test_together_is_what_any_finds():
    a, b, c = (Study(i, i, "t", "", (i,)) for i in "abc")
    strategy = {"strategy_id": "x", "source": "PubMed", "query": "a[ti]"}
    both = together([by_title(strategy, [a, b, c]), by_title(strategy | {"query": "b[ti]"}, [a, b, c])])
    assert ({s.study_id for s in both.found}, [m.study.study_id for m in both.missed]) == ({"a", "b"}, ["c"])


def test_topics_narrow_what_is_asked():
    studies = [Study("a", "cord", "one", "", ("cord",)), Study("b", "none", "two", "", ("none",))]
    strategy = {"strategy_id": "x", "source": "PubMed", "query": "cord[ti]", "looks_for": "one"}
    assert by_title(strategy, studies).share == 1
    assert by_title(strategy | {"looks_for": ""}, studies).share == 0.5
    assert by_title(strategy | {"looks_for": "three"}, studies).share is None
    with pytest.raises(CannotMeasure, match="x: character 1.*not closed"):
        by_title(strategy | {"query": "(cord[ti]"}, studies)


def test_records_are_matched_by_number_and_by_title(studies):
    """By DOI, PubMed number, PubMed Central number (whatever the title), and by title with author and year; nothing else."""
    doi, pmid, pmcid, title = (
        references(doi=True)[0],
        references(pmid=True)[1],
        references(pmcid=True)[2],
        references(doi=True, title=True)[3],
    )
    records = [
        Record(title="Another title", doi=doi["doi"].upper()),
        Record(pmid=pmid["pmid"]),
        Record(url=f"https://pmc.ncbi.nlm.nih.gov/articles/{pmcid['pmcid']}/"),
        Record(title=title["title"].upper() + ".", authors=title["first_author"], year=title["year"], container=title["journal"]),
        Record(title="Spinal cord injury in a letter", year="2001"),
    ]
    found = in_records(Project(ROOT), records, studies, "file")
    assert {s.study_id for s in found.found} == {r["reference_id"] for r in (doi, pmid, pmcid, title)}
    assert found.asked == len(studies)


def test_through_the_command(project, capsys):
    known = references(doi=True)[:2]
    (project / "got.ris").write_text("".join(f"TY  - JOUR\nTI  - {r['title']}\nDO  - {r['doi']}\nER  - \n" for r in known))
    before = {p.name: p.read_bytes() for p in (project / "data").glob("*.csv")}
    assert main(["search", "--recall", "got.ris"]) == 0
    told = capsys.readouterr().out
    assert f"got.ris: 2 of {len(included_studies(load_evidence(project / 'data')))} studies" in told
    assert f"    {references()[-1]['reference_id']}: " in told
    assert f"    {known[0]['reference_id']}: " not in told
    assert main(["search", "--recall-by-title", "pubmed-injury"]) == 0
    told = capsys.readouterr().out
    assert "an approximation" in told
    assert "pubmed-radiation" not in told
    assert main(["search", "--check"]) == 0
    assert "pubmed-injury (PubMed (MEDLINE and ahead of print)): can be read" in capsys.readouterr().out
    assert {p.name: p.read_bytes() for p in (project / "data").glob("*.csv")} == before
    for arguments, why in (
        (["--recall", "no.ris"], "cannot be read"),
        (["--recall-by-title", "no-such"], "no saved search is called"),
        (["--check", "--since", "2026-01-01"], "search nothing"),
    ):
        assert main(["search", *arguments]) in (1, 2)
        assert why in capsys.readouterr().err
    path = project / "data" / "search_strategies.csv"
    path.write_text(path.read_text("utf-8").replace('"(((""Spinal Cord', '"((""Spinal Cord', 1), "utf-8")
    assert main(["search", "--check", "pubmed-injury"]) == 1
    told = capsys.readouterr().out
    assert "pubmed-injury (PubMed (MEDLINE and ahead of print)): 1 to mend" in told
    assert "closes none that was opened" in told
