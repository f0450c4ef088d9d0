"""Guards: whatever breaks one, the build names it, all of them at once, before anything is executed or written."""

from types import SimpleNamespace

import pytest

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.publish.build.build import BuildFailed, build
from cordbook.publish.build.status import status
from cordbook.publish.execute.chapters import chapters
from cordbook.publish.freshness.records import Records
from cordbook.publish.freshness.snapshot import data_texts
from cordbook.publish.sources.page_guards import Stored, broken_guards, explain_all, find_guards, left_out_guards
from cordbook.review.estimates.guards import judge
from cordbook.review.expected.lookup import AGAINST, AllEstimates
from cordbook.review.scores.estimates import dicts_of
from tests.conftest import ROOT
from tests.publish.conftest import edited, quiet, site_of
from tests.publish.small_book import set_events


@pytest.fixture(scope="module")
def known(estimates):
    """All that a condition may ask: counts, scores, comparisons with the natural course."""
    return AllEstimates(estimates)


CELL = "lima2010.treated.ais_improved.all.27.7"
GUARDS = find_guards(Project(ROOT))
#: Values far from any that a guard of the book allows on one side or the other.
FAR = (-1e9, 1e9, 0.0, None)


class _Bent:
    """Today's estimates with one attribute of one estimate, or one count, set to another value."""

    def __init__(self, estimates, name, value):
        self.estimates, self.name, self.value = estimates, name, value
        self.id, _, self.attribute = name.rpartition(".")

    def count(self, question):
        return float("nan") if self.name == f"[{question}]" and self.value is None else self._count(question)

    def _count(self, question):
        return self.value if self.name == f"[{question}]" else self.estimates.count(question)

    def __getitem__(self, estimate_id):
        estimate = self.estimates.find(estimate_id)
        if estimate_id != self.id:
            return estimate
        names = ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "i2", "tau2", "q_p")
        result = {n: getattr(estimate.result, n, None) for n in names}
        counts = {n: getattr(estimate, n, 0) for n in ("k", "n", "events", "pooled", "largest")}
        return SimpleNamespace(
            **(counts | {self.attribute: self.value}), result=SimpleNamespace(**(result | {self.attribute: self.value}))
        )


def test_this_review_leaves_no_sentence_out(estimates, known):
    assert left_out_guards(GUARDS, known) == []
    assert not estimates.evidence.lacking


def test_the_book_has_guards():
    assert len(GUARDS) >= 15


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.place)
def test_data_that_breaks_a_guard_names_it(guard, known):
    names = [name for name, _ in judge(guard.condition, known).values]
    bent = (_Bent(known, name, value) for name in names for value in FAR)
    breaking = next(b for b in bent if not judge(guard.condition, b).holds)
    found = broken_guards(GUARDS, breaking, known)
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


WORDING = """# State

:::{{wording}}
:when: [outcomes/cell_id={cell}/events={events}] == 1

As it was: {{cell}}`{cell}`.

:otherwise:

It has changed, **now** {{cell}}`{cell}`; checked: {{newest}}`verifications/verified_on`.
:::
"""


@pytest.fixture
def worded(book):
    """The small book with a page of one wording."""
    with edited(book, "_toc.yml", "book/prose.md", "data/outcomes.csv", "data/extractions.csv"):
        toc = book.root / "_toc.yml"
        toc.write_text(toc.read_text(encoding="utf-8") + "  - file: book/state\n", encoding="utf-8")
        page = book.root / "book" / "state.md"
        page.write_text(WORDING.format(cell=CELL, events=11), encoding="utf-8")
        yield page
        page.unlink()


def test_a_wording_shows_the_text_that_is_true_and_no_data_break_the_build(book, worded):
    def shown():
        return (book.site / "book" / "state.html").read_text(encoding="utf-8")

    build(book, report=quiet)
    assert "As it was" in shown()
    assert "It has changed" not in shown()
    set_events(book.data, CELL, 12)
    turned = status(book).turned
    assert [(t.wording.place, t.text.partition(",")[0]) for t in turned] == [("book/state, line 3", "It has changed")]
    assert "Wordings that change" in status(book).as_text()
    build(book, report=quiet)
    assert "It has changed, <strong>now</strong>" in shown()
    assert "12 of " in shown()
    assert "not yet" in shown()
    assert "As it was" not in shown()
    assert status(book).turned == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[outcomes/", "[outcome/", "no table 'outcome'"),
        (":otherwise:", "Otherwise:", "it has not two texts"),
        (":when: [", ":wenn: [", "it has no condition"),
    ],
)
def test_a_wording_that_cannot_be_read_is_told_before_a_chapter_runs(book, worded, old, new, said):
    worded.write_text(worded.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(BuildFailed, match="One condition cannot be read. Nothing was executed") as failure:
        build(book, report=quiet, allow_broken_guards=True)
    assert "a wording cannot be judged in book/state, line 3" in str(failure.value)
    assert said in str(failure.value)


def test_conditions_are_judged_by_stored_estimates_as_by_those_of_today(estimates, known):
    stored = Stored(dicts_of(estimates), data_texts(Project(ROOT)))
    for guard in GUARDS:
        if AGAINST not in guard.condition:  # a comparison with the natural course is made of others and is not stored
            assert judge(guard.condition, stored).values == judge(guard.condition, known).values
