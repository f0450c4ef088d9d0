"""Sheets to check counts on paper or phone: whole pages, everything of a count, and answers taken back all or none."""

from __future__ import annotations

import csv
import io
import re

import pytest

from cordbook.cli import main
from cordbook.evidence import validate
from cordbook.intake.extraction.verify_sheet import HEADER
from cordbook.review.appraisal.main_results import first_to_check, main_results
from cordbook.review.appraisal.risk_of_bias import study_weights
from cordbook.review.appraisal.verification_queue import counts_to_check
from cordbook.review.estimates.estimates import load_estimates
from tests.intake.invented import rows
from tests.intake.test_verify_counts import CELL, cell, tables


@pytest.fixture
def sheets(project, capsys):
    assert main(["verify-counts", "--sheet", "sheets"]) == 0, capsys.readouterr().err
    capsys.readouterr()
    return project / "sheets"


def answered(folder, answers, encoding="utf-8-sig"):
    """The file of answers with these columns filled in, by key of the count; written as a spreadsheet would."""
    path = folder / "counts.csv"
    found = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
    for row in found:
        row |= answers.get(row["cell_id"], {})
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADER, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(found)
    path.write_bytes(out.getvalue().encode(encoding))
    return path


def others(project):
    """Counts of other studies than that of CELL, each with at least one event."""
    return [r["cell_id"] for r in rows(project, "outcomes") if r["study_id"] != cell(project)["study_id"] and int(r["events"])]


def test_a_page_per_study_holds_all_of_its_counts(project, sheets):
    outcomes, words = rows(project, "outcomes"), load_estimates(project).evidence.vocabulary
    assert {p.stem for p in sheets.glob("*.html")} == {r["study_id"] for r in outcomes} | {"index"}
    for r in outcomes:
        page = (sheets / f"{r['study_id']}.html").read_text("utf-8")
        section = page.split(f'id="{r["cell_id"]}"')[1].split("</section>")[0]
        for told in (f"{int(r['events']):,} of {int(r['n']):,} people", r["locator"], r["definition"], words.remark(r["note"])):
            plain = re.sub(r"&#?\w+;", "", section)
            assert all(word in plain for word in re.findall(r"\w{4,}", told)), (r["cell_id"], told)
        assert [section.count(f"> {answer}") for answer in ("equal", "differs", "not found")] == [1, 1, 1]
        reference = next(x for x in rows(project, "references") if x["reference_id"] == r["study_id"])
        assert reference["doi"] in page
    for page in sheets.glob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(r"<script|<link|<img|src=|url\(", text), "a page is whole in itself"
        assert '<meta name="viewport"' in text
        assert '<html lang="en">' in text
        assert "@media print" in text
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        assert all((sheets / href.partition("#")[0]).is_file() for href in re.findall(r'href="([^"#h][^"]*)"', text))


def test_the_index_goes_by_influence(project, capsys):
    """The counts to check first for the main results, then all others in the order of the queue."""
    path = project / "data" / "review.yml"
    # Of the two results the one that comes later in the queue.
    path.write_text(path.read_text("utf-8").replace("main_results: [ais-improved, tumour]", "main_results: [tumour]"), "utf-8")
    estimates = load_estimates(project)
    queue = [c.cell_id for c in counts_to_check(estimates)]
    first = [c.cell_id for c in first_to_check(estimates).counts]
    assert first
    assert queue[: len(first)] != first
    assert main(["verify-counts", "--sheet", "sheets"]) == 0
    index = (project / "sheets" / "index.html").read_text("utf-8")
    assert re.findall(r'<a href="[^"]+#([^"]+)"', index) == first
    with open(project / "sheets" / "counts.csv", encoding="utf-8-sig", newline="") as file:
        assert [r["cell_id"] for r in csv.DictReader(file)] == [*first, *(c for c in queue if c not in first)]


def test_a_narrow_call_writes_what_was_asked(project, capsys):
    study = cell(project)["study_id"]
    assert main(["verify-counts", "--sheet", "one.html", "--study", study]) == 0
    assert (project / "one.html").read_text("utf-8").count('class="study"') == 1
    with open(project / "one.csv", encoding="utf-8-sig", newline="") as file:
        asked = {r["cell_id"] for r in csv.DictReader(file)}
    assert asked == {r["cell_id"] for r in rows(project, "outcomes") if r["study_id"] == study}
    estimates = load_estimates(project)
    one = main_results(estimates)[0]
    assert main(["verify-counts", "--sheet", "two.csv", "--estimate", one]) == 0
    assert not (project / "two.html").exists()
    with open(project / "two.csv", encoding="utf-8-sig", newline="") as file:
        assert {r["cell_id"] for r in csv.DictReader(file)} == set(estimates[one].count_ids)
    assert main(["verify-counts", "--sheet", "three.doc"]) == 2
    assert "ends in .html or .csv" in capsys.readouterr().err


def test_answers_come_back(project, sheets, capsys):
    second, third, fourth = others(project)[:3]
    old = cell(project, second)
    path = answered(
        sheets,
        {
            CELL: {"answer": "Equal", "what_was_read": "Table 2, p. 5"},
            second: {
                "answer": "differs", "events_read": str(int(old["events"]) - 1), "what_was_read": "Table 1", "remark": "one fewer",
                "name": "Eve", "date": "2026-11-21",
            },
            third: {"answer": "not found", "remark": "no table"},
        },
    )  # fmt: skip
    assert main(["verify-counts", "--in", str(path), "--as", "Dee"]) == 0
    told = capsys.readouterr().out
    assert "1 counts stand, 1 were corrected." in told
    assert f"not found: {third} (no table)" in told
    kept = {r["cell_id"]: r for r in rows(project, "verifications")}
    assert kept.keys() == {CELL, second}
    assert (kept[CELL]["verified_by"], kept[CELL]["verdict"], kept[CELL]["source_read"]) == ("Dee", "confirmed", "Table 2, p. 5")
    assert (kept[second]["verified_by"], kept[second]["verified_on"]) == ("Eve", "2026-11-21")
    assert cell(project, second)["events"] == str(int(old["events"]) - 1)
    assert [c["old_value"] for c in rows(project, "corrections") if c["row_key"] == old["cell_id"]] == [old["events"]]
    assert validate(project / "data").errors == 0
    # Once more the same file: nothing is written twice, and nothing is refused.
    before = tables(project)
    assert main(["verify-counts", "--in", str(path), "--as", "Dee"]) == 0
    assert "2 answers were taken in before" in capsys.readouterr().out
    assert tables(project) == before
    # A sheet is not written over answers.
    assert main(["verify-counts", "--sheet", "sheets"]) == 2
    assert "holds answers" in capsys.readouterr().err
    assert fourth not in kept


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            {"answer": "differs", "events_read": "20", "n_read": "12", "what_was_read": "T", "remark": "x"},
            "20 events in 12 patients",
        ),
        ({"answer": "differs", "what_was_read": "T", "remark": "x"}, "no count differs"),
        ({"answer": "differs", "events_read": "0", "what_was_read": "T"}, "remark is blank"),
        ({"answer": "differs", "events_read": "43.8%", "what_was_read": "T", "remark": "x"}, "not the percent"),
        ({"answer": "equal", "events_read": "0", "what_was_read": "T"}, "the answer is equal, but 0 of"),
        ({"answer": "equal"}, "what_was_read is blank"),
        ({"answer": "equal", "what_was_read": "T", "date": "21.11.2026"}, "not a valid date"),
        ({"answer": "equal", "what_was_read": "T", "date": "9999-01-01"}, "ahead of today"),
        ({"answer": "yes", "what_was_read": "T"}, "is none of equal, differs or not found"),
        ({"remark": "looked at it"}, "no answer"),
        ({"answer": "not found", "n_read": "4"}, "clear them"),
        ({"answer": "equal", "what_was_read": "T", "cell_id": "no.such"}, "there is no count 'no.such'"),
        ({"answer": "equal", "what_was_read": "T", "events": "0"}, "meanwhile"),
        ({"answer": "equal", "what_was_read": "T", "name": "Glia_NSC"}, "another person checks it"),
        ({"answer": "differs", "n_read": "9999", "what_was_read": "T", "remark": "x"}, "has .* patients"),
        ({"answer": "equal", "what_was_read": "=1+1"}, "formula"),
    ],
)
def test_one_bad_row_refuses_the_sheet(project, sheets, capsys, answer, why):
    """The line and the reason are named, the good row beside it is not written either, and the file stays as it is."""
    good = others(project)[0]
    path = answered(sheets, {CELL: answer, good: {"answer": "equal", "what_was_read": "Table 3"}})
    before, content = tables(project), path.read_bytes()
    assert main(["verify-counts", "--in", str(path), "--as", "Dee"]) == 2
    told = capsys.readouterr().err
    lines = enumerate(content.decode("utf-8-sig").splitlines(), 1)
    [line] = [i for i, text in lines if i > 1 and any(text.split(";")[:7]) and "Table 3" not in text]
    assert re.search(why, told)
    assert "nothing was taken" in told
    assert f"line {line}: " in told
    assert tables(project) == before
    assert path.read_bytes() == content


def test_two_rows_of_one_count_and_nobody_named(project, sheets, monkeypatch, capsys):
    monkeypatch.delenv("CORDBOOK_REVIEWER", raising=False)
    path = answered(sheets, {CELL: {"answer": "equal", "what_was_read": "T"}})
    assert main(["verify-counts", "--in", str(path)]) == 2
    assert "name is blank" in capsys.readouterr().err
    content = path.read_text("utf-8-sig")
    path.write_text(content + next(line for line in content.splitlines() if line.startswith("equal")) + "\n", "utf-8")
    assert main(["verify-counts", "--in", str(path), "--as", "Dee"]) == 2
    assert f"answers for {CELL} already" in capsys.readouterr().err
    assert rows(project, "verifications") == []
    for text, why in (("a,b\n1,2\n", "no column"), ("answer,cell_id,events,n\n", "0 counts stand")):
        path.write_text(text)
        code = main(["verify-counts", "--in", str(path), "--as", "Dee"])
        told = capsys.readouterr()
        assert (why in told.err, code) == (True, 2) or (why in told.out, code) == (True, 0)


def test_what_was_read_is_that_of_the_row_above_within_a_study(project, sheets):
    study = cell(project)["study_id"]
    own = [r["cell_id"] for r in rows(project, "outcomes") if r["study_id"] == study]
    assert len(own) > 1
    with open(sheets / "counts.csv", encoding="utf-8-sig", newline="") as file:
        in_order = [r["cell_id"] for r in csv.DictReader(file) if r["cell_id"] in own]
    answers = {i: {"answer": "equal"} for i in in_order} | {in_order[0]: {"answer": "equal", "what_was_read": "full text, p. 3"}}
    assert main(["verify-counts", "--in", str(answered(sheets, answers)), "--as", "Dee"]) == 0
    assert {r["source_read"] for r in rows(project, "verifications")} == {"full text, p. 3"}


@pytest.mark.parametrize("most", [*range(1, 8), 20])
def test_the_first_counts_carry_what_is_said(estimates, most):
    found = first_to_check(estimates, most)
    named = {c.cell_id for c in found.counts}
    assert tuple(r.id for r in found.results) == main_results(estimates)
    assert len(found.counts) == min(most, len({c for i in main_results(estimates) for c in estimates[i].count_ids}))
    for r in found.results:
        weights = study_weights(estimates[r.id])
        # A study with one of two counts among them is not carried.
        carried = sum(weights[s] for s, cells in estimates[r.id].counts_by_study.items() if all(c in named for c in cells))
        assert r.share == pytest.approx(carried / weights.sum())
        assert r.first == len(named & set(estimates[r.id].count_ids))


def test_half_of_a_comparison_is_not_a_check_of_it(estimates):
    """Somewhere the line falls between the two arms of a study, and its weight is not said to be carried."""
    split = []
    for most in range(1, 20):
        named = {c.cell_id for c in first_to_check(estimates, most).counts}
        held = (cells for i in main_results(estimates) for cells in estimates[i].counts_by_study.values())
        split += [most for cells in held if 0 < len(named & set(cells)) < len(cells)]
    assert set(split) & set(range(1, 8))


def test_what_is_checked_makes_room_for_the_next(project):
    estimates = load_estimates(project)
    one = first_to_check(estimates, most=2)
    top = one.counts[0].cell_id
    now = cell(project, top)
    from tests.intake.test_verify_counts import found as check

    check(project, int(now["events"]), int(now["n"]), top, note="")
    again = first_to_check(load_estimates(project), most=2)
    assert top not in {c.cell_id for c in again.counts}
    assert again.checked == 1
    assert top not in {c.cell_id for c in first_to_check(load_estimates(project), most=1000).counts}
    assert again.counts[0].cell_id == one.counts[1].cell_id
    assert all(new.share >= old.share for new, old in zip(again.results, one.results, strict=True))


@pytest.mark.parametrize(("line", "why"), [("[no-such]", "does not declare"), ("no-such", "as a list"), ("[a, a]", "each once")])
def test_main_results_that_are_not_there_are_told(project, capsys, line, why):
    path = project / "data" / "review.yml"
    text = re.sub(r"(?m)^main_results:.*\n(?:  - .*\n)*", "", path.read_text("utf-8"))
    path.write_text(f"{text}main_results: {line}\n", "utf-8")
    assert main(["verify-counts", "--list", "--first"]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "width", "scheme"), [("index", 320, "light"), ("lima2010", 320, "dark"), ("lima2010", 1100, "light")]
)
def test_axe_finds_nothing_on_a_sheet_and_it_does_not_scroll_sideways(browser, project, name, width, scheme, capsys):
    from axe_playwright_python.base import AXE_SCRIPT

    assert main(["verify-counts", "--sheet", "sheets"]) == 0
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)
    try:
        page = context.new_page()
        page.goto((project / "sheets" / f"{name}.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate(AXE_SCRIPT)
        found = page.evaluate("axe.run()")["violations"]
        assert [(v["id"], v["nodes"][0]["target"]) for v in found] == []
    finally:
        context.close()
