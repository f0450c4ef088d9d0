"""The chapter on benchmarks shows what the stored results say, all of them, and is made anew when one changes."""

import json
import statistics
from types import SimpleNamespace

import pytest

from cordbook.core import tracking
from cordbook.display.chapters.benchmarks import BenchmarkPages
from cordbook.display.tables.benchmark_tables import seconds, times
from cordbook.review.appraisal import benchmarks, coverage

#: What the chapter prints, by the file of results that it reads.
SHOWN = {
    "fits": "synthesis", "choices": "multiverse", "builds": "build", "growth": "build", "duplicates": "dedupe", "ranking": "screening",
    "stopping": "screening", "explorer": "explorer", "pages": "site", "importing": "import", "guide": "guide", "damage": "corruptions",
    "kills": "kills", "floor": "hksj_floor", "subgroup_tests": "subgroup_test",
}  # fmt: skip


@pytest.fixture(scope="module")
def pages(estimates):
    return BenchmarkPages(estimates)


@pytest.fixture
def copy(tmp_path):
    """A project with results of our own making, and its pages."""
    folder = tmp_path / "benchmarks" / "results"
    folder.mkdir(parents=True)
    return folder, BenchmarkPages(SimpleNamespace(evidence=SimpleNamespace(folder=tmp_path / "data")))


def text(shown) -> str:
    return shown._repr_mimebundle_()["text/plain"]


def test_every_stored_result_is_on_a_page_of_the_book(root):
    """In this chapter, or in the one on statistics."""
    elsewhere = {coverage.RESULTS, coverage.AVERAGE_RESULTS, coverage.AVERAGES, coverage.EXPECTED}
    stored = {path.relative_to(root) for path in (root / coverage.FOLDER).iterdir()}
    assert {benchmarks.stored_file(name) for name in benchmarks.PROGRAMS} == stored - elsewhere
    assert set(SHOWN.values()) == set(benchmarks.PROGRAMS)
    code = (root / "book" / "methods" / "benchmarks.ipynb").read_text(encoding="utf-8")
    for name in (*SHOWN, "answer"):
        assert f"review.benchmarks.{name}()" in code


def test_every_program_that_is_named_exists_and_knows_its_options(root):
    for command in (c for commands in benchmarks.PROGRAMS.values() for c in commands.split("; ")):
        program, *options = command.split()
        source = (root / "benchmarks" / program).read_text(encoding="utf-8")
        assert all(f'"{option}"' in source for option in options if option.startswith("--")), command


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_table_reads_is_noted_so_that_a_new_result_makes_the_chapter_anew(name, pages, root):
    tracking.begin(root)
    try:
        getattr(pages, name)()
    finally:
        found = tracking.end()
    assert ("file", benchmarks.stored_file(SHOWN[name]).as_posix()) in found


@pytest.mark.parametrize("name", [*SHOWN, "answer"])
def test_a_review_without_benchmarks_says_so(name, copy):
    assert text(getattr(copy[1], name)()).startswith("Not available")


def test_ratios_are_of_medians_over_the_stored_rounds(pages, root):
    stored = json.loads((root / "benchmarks" / "results" / "synthesis.json").read_text(encoding="utf-8"))["seconds"]
    shown = pages.fits().to_frame().set_index("Question")
    for question, (label, _, _) in benchmarks.QUESTIONS.items():
        ours = statistics.median(stored["cordbook"][question])
        assert shown.loc[label, "Cordbook"] == seconds(ours)
        for peer in ("metafor", "statsmodels", "pymare"):
            [column] = [c for c in shown.columns if c.lower().startswith(peer) and c.endswith("times as long")]
            theirs = stored[peer].get(question)
            said = "–" if theirs is None else f"{times(statistics.median(theirs) / ours)} ({seconds(statistics.median(theirs))})"
            assert shown.loc[label, column] == said


def test_an_aim_that_is_missed_and_a_faster_peer_are_told(copy):
    folder, pages = copy
    found = {
        "versions": {"cordbook": "Cordbook", "metafor": "metafor 1", "other": "other 2"},
        "seconds": {"cordbook": {"glmm": [2.0, 1.0, 9.0]}, "metafor": {"glmm": [20.0, 30.0, 10.0]}, "other": {"glmm": [1.0]}},
        "values": {"cordbook": {"glmm": 1.0}, "metafor": {"glmm": 1.25}},
    }
    (folder / "synthesis.json").write_text(json.dumps(found))
    [row] = pages.fits().to_frame().to_dict("records")
    assert row["metafor 1, times as long"] == "10 (20 s)"
    assert row["Aim"] == "100 times metafor: missed"
    assert "in 0.5 of our time, by other" in text(pages.answer())
    assert "agree to within 100%" in text(pages.answer())
    assert "metafor 1, other 2, and no date" in text(pages.made_by("synthesis"))


def test_what_went_wrong_is_counted(copy):
    folder, pages = copy
    kills = {"anywhere": {"kills": 5, "sites": {"old": 3, "new": 1}, "failed": [{"after_s": 2}], "each": [{"after_s": 2.0}]}}
    (folder / "kills.json").write_text(json.dumps(kills))
    (folder / "corruptions.json").write_text(
        json.dumps({"cases": 9, "failed": [1, 2], "outcomes": {"a table": {"named": 6, "raised": 2, "accepted": 1}}})
    )
    assert pages.kills().to_frame()["Not whole"].tolist() == ["1"]
    assert pages.damage().to_frame()["Anything else"].tolist() == ["2"]
    assert "After 5 killed builds the site was broken 1 times." in text(pages.answer())
    assert "9 files damaged or harmlessly rewritten validation judged 2 wrongly" in text(pages.answer())


def test_an_order_counts_where_both_programs_have_it():
    def run(shuffle, tool, place):
        return {"set": "A", "shuffle": shuffle, "tool": tool, "place": place, "wss95": 0.5, "cpu_seconds": 1.0}

    runs = [run(0, "cordbook", 0.1), run(0, "peer", 0.2), run(1, "cordbook", 0.3), run(1, "peer", 0.2), run(2, "cordbook", 0.0)]
    [ranking] = benchmarks.rankings([*runs, run("mean of 2", "cordbook", 0.9), run("mean of 2", "peer", 0.9)], "peer")
    assert (ranking.orders, ranking.ahead) == (2, 1)
    assert ranking.place == pytest.approx((0.2, 0.2))
    assert benchmarks.orders_ahead([ranking, ranking]) == (2, 4)
