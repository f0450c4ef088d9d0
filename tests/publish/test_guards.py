"""Guards: whatever breaks one, the build names it, all of them at once, before anything is executed or written."""

from types import SimpleNamespace

import pytest

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.publish.build.build import BuildFailed, build
from cordbook.publish.execute.chapters import chapters
from cordbook.publish.freshness.records import Records
from cordbook.publish.sources.page_guards import StoredEstimates, broken_guards, explain_all, find_guards, left_out_guards
from cordbook.review.estimates.guards import judge
from tests.conftest import ROOT
from tests.publish.conftest import edited, quiet, site_of
from tests.publish.small_book import set_events

GUARDS = find_guards(Project(ROOT))
#: Values far from any that a guard of the book allows on one side or the other.
FAR = (-1e9, 1e9, 0.0, None)


class _Bent:
    """Today's estimates with one attribute of one estimate set to another value."""

    def __init__(self, estimates, name, value):
        self.estimates, self.value = estimates, value
        self.id, _, self.attribute = name.rpartition(".")

    def __getitem__(self, estimate_id):
        estimate = self.estimates[estimate_id]
        if estimate_id != self.id:
            return estimate
        names = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "i2", "tau2", "q_p")
        result = {n: getattr(estimate.result, n, None) for n in names}
        counts = {n: getattr(estimate, n) for n in ("k", "n", "events")}
        return SimpleNamespace(
            **(counts | {self.attribute: self.value}), result=SimpleNamespace(**(result | {self.attribute: self.value}))
        )


def test_this_review_leaves_no_sentence_out(estimates):
    assert left_out_guards(GUARDS, estimates) == []
    assert not estimates.evidence.lacking


def test_the_book_has_guards():
    assert len(GUARDS) >= 15


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.place)
def test_data_that_breaks_a_guard_names_it(guard, estimates):
    names = [name for name, _ in judge(guard.condition, estimates).values]
    bent = (_Bent(estimates, name, value) for name in names for value in FAR)
    breaking = next(b for b in bent if not judge(guard.condition, b).holds)
    found = broken_guards(GUARDS, breaking, estimates)
    said = explain_all(found)
    assert guard in [b.guard for b in found]
    for part in (guard.place, guard.sentence, guard.condition, "before:", "today:"):
        assert part in said


def test_all_broken_guards_are_told_at_once_with_old_and_new_values_and_nothing_is_executed(book):
    build(book, report=quiet)
    before, records = site_of(book), {p.name: Records(book).get(p.relative_to(book.root).as_posix()) for p in chapters(book)}
    with edited(book, "book/prose.md", "book/two.ipynb"):
        text = (book.root / "book" / "prose.md").read_text(encoding="utf-8")
        (book.root / "book" / "prose.md").write_text(
            text.replace("tumour.events == 0", "tumour.events == 7").replace(
                "ais-improved.estimate > 0.3", "ais-improved.estimate > 0.9"
            )
        )
        said = []
        with pytest.raises(BuildFailed) as failure:
            build(book, report=said.append)
    message = str(failure.value)
    assert "2 guards are broken" in message
    assert "book/prose, line 5" in message
    assert "No tumour was seen." in message
    assert "More than a third improved" in message
    assert "before:    tumour.events = 0" in message
    assert not any("executing" in line for line in said)
    assert site_of(book) == before
    assert {p.name: Records(book).get(p.relative_to(book.root).as_posix()) for p in chapters(book)} == records


def test_allowed_broken_guards_are_marked_in_the_page_and_only_as_long_as_they_are_broken(book, monkeypatch, capsys):
    monkeypatch.chdir(book.root)
    with edited(book, "data/outcomes.csv", "data/extractions.csv"):
        for cell in (
            "lima2010.treated.ais_improved.all.27.7",
            "donati2016.treated.ais_improved.all.12",
            "karamouzian2012.treated.ais_improved.all.12",
            "bydon2024.treated.ais_improved.all.24",
        ):
            set_events(book.data, cell, 1)
        assert main(["build"]) == 1
        assert "ais-improved.estimate > 0.3" in capsys.readouterr().err
        assert main(["build", "--allow-broken-guards"]) == 0
        page = (book.site / "book" / "prose.html").read_text(encoding="utf-8")
        assert page.count("cb-broken-guard") == 1
        assert "no longer matches the numbers" in page
        assert main(["build"]) == 1
    assert main(["build"]) == 0
    assert "cb-broken-guard" not in (book.site / "book" / "prose.html").read_text(encoding="utf-8")


def test_a_condition_that_cannot_be_read_is_told_with_its_place(book):
    with edited(book, "book/prose.md"):
        text = (book.root / "book" / "prose.md").read_text(encoding="utf-8")
        (book.root / "book" / "prose.md").write_text(text.replace("tumour.events == 0", "tumor.events == 0"))
        with pytest.raises(BuildFailed, match=r"book/prose, line 5[\s\S]*no estimate 'tumor'"):
            build(book, report=quiet, allow_broken_guards=True)


def test_conditions_are_judged_by_stored_estimates_as_by_those_of_today(estimates):
    stored = StoredEstimates(e.to_dict() for e in estimates)
    for guard in GUARDS:
        assert judge(guard.condition, stored).values == judge(guard.condition, estimates).values
