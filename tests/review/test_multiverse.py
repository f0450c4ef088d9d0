"""Every choice: each option selects what it says, the book's own is the declared estimate, analyses are distinct, and sentences turn with the data."""

from __future__ import annotations

import copy
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from cordbook.errors import UnknownName
from cordbook.evidence.evidence import Evidence, Tables
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.multiverse.choices import Choice, Option
from cordbook.review.multiverse.declarations import DERIVED, MultiverseError, load_multiverses, parse_multiverses
from cordbook.review.multiverse.multiverse import explore, poolings, selections
from cordbook.review.multiverse.pooling import NoNumber, settings_of, work
from cordbook.review.multiverse.selection import Selector
from cordbook.review.multiverse.words import conclusions_sentence, moving_sentence, sentence

CELLS = "ais-improved-cell-therapy"
#: Made-up studies: design, months to the count, source, identity, and the counts as (stratum, relation, events, n, reason).
STUDIES = {
    "ash": ("single_arm", 12, "primary_abstract", "confirmed", [("", "total", 5, 20, ""), ("baseline_ais=A", "part_of_total", 2, 10, "")]),
    "birch": ("rct", 6, "primary_abstract", "confirmed", [("", "total", 3, 8, "")]),
    "cedar": ("case_series", None, "secondary_review", "partial", [("", "total", 4, 30, "")]),
    "dogwood": ("single_arm", 24, "primary_fulltext", "confirmed", [("", "total", 6, 12, "")]),
    "elm": ("single_arm", 12, "primary_abstract", "confirmed", [("", "total", 10, 40, "")]),
    "elm_early": ("single_arm", 12, "primary_abstract", "confirmed", [("", "total", 7, 25, "overlap")]),
    "fir": ("single_arm", 12, "secondary_review", "confirmed", [("", "total", 9, 11, "other:news_only")]),
    "gum": ("single_arm", 12, "primary_abstract", "confirmed", [("baseline_ais=A", "only_stratum", 1, 16, "")]),
    "hazel": ("single_arm", 12, "primary_abstract", "confirmed", [("", "total", 2, 14, "overlap;other:news_only")]),
}  # fmt: skip
MAIN = {"ash": (5, 20), "birch": (3, 8), "cedar": (4, 30), "dogwood": (6, 12), "elm": (10, 40)}


def without(*studies):
    return {study: counts for study, counts in MAIN.items() if study not in studies}


#: What each option of the declared choices takes of them, by hand.
TAKEN = {
    ("counts", "main"): MAIN,
    ("counts", "widest"): MAIN | {"gum": (1, 16)},
    ("counts", "complete"): {"ash": (2, 10), "gum": (1, 16)},
    ("overlap", "one"): MAIN,
    ("overlap", "other"): without("elm") | {"elm_early": (7, 25)},
    ("overlap", "none"): without("elm"),
    ("source", "primary"): without("cedar"),
    ("source", "second-hand"): MAIN | {"fir": (9, 11)},
    ("identity", "confirmed"): without("cedar"),
    ("dispute", "out"): without("dogwood"),
    ("design", "controlled"): {"birch": (3, 8)},
    ("follow-up", "year"): {"ash": (5, 20), "dogwood": (6, 12), "elm": (10, 40)},
    ("size", "ten"): without("birch"),
}


def rows_of(frame, entries):
    """A table with these rows alone; what an entry does not name is blank."""
    empty = frame.iloc[:0]
    made = pd.DataFrame([dict.fromkeys(frame.columns) | entry for entry in entries], columns=frame.columns)
    return made.astype(empty.dtypes.to_dict())


@pytest.fixture(scope="module")
def small(estimates):
    """Estimates of a small evidence of nine made-up studies."""
    old = estimates.evidence
    studies, arms, outcomes, references = [], [], [], []
    for study, (design, months, source, identity, counts) in STUDIES.items():
        studies.append({"study_id": study, "topic": "cell_therapy", "design": design, "intervention_class": "cell_therapy"})
        references.append(
            {"reference_id": study, "kind": "study", "first_author": study.title(), "year": 2001, "identity_confidence": identity}
        )
        arms.append({"arm_id": f"{study}.treated", "study_id": study, "arm": "treated", "role": "treated", "n": 50})
        for number, (stratum, relation, events, n, reason) in enumerate(counts):
            outcomes.append(
                {
                    "cell_id": f"{study}.{number}", "study_id": study, "arm_id": f"{study}.treated", "outcome": "ais_improved",
                    "stratum": stratum or None, "stratum_relation": relation, "timepoint_months": months, "events": events, "n": n,
                    "source_kind": source, "poolable": not reason, "not_poolable_reason": reason or None,
                }
            )  # fmt: skip
    made = {"studies": studies, "arms": arms, "outcomes": outcomes, "references": references}
    made["overlap_members"] = [
        {"study_id": study, "overlap_group": "elms", "is_primary": study == "elm"} for study in ("elm", "elm_early")
    ]
    made["overlap_disjoint"] = []
    made["integrity_notices"] = [{"notice_id": "N1", "study_id": "dogwood", "kind": "disputing_letter"}]
    frames = {name: rows_of(old[name], made[name]) if name in made else old[name] for name in old}
    return Estimates(Evidence(old.folder, old.package, Tables(frames)), estimates.declarations)


@pytest.fixture(scope="module")
def declared(estimates):
    return load_multiverses(estimates)


def reduced(declared, **kept):
    """Declared choices with these options alone; of choices that are not named the book's own."""
    choices = []
    for choice in declared.choices:
        ids = kept.get(choice.id.replace("-", "_"), [choice.options[choice.own].id])
        choices.append(replace(choice, options=tuple(o for o in choice.options if o.id in ids)))
    return replace(declared, choices=tuple(choices))


@pytest.mark.parametrize(("choice", "option"), TAKEN)
def test_each_option_takes_what_it_says(small, declared, choice, option):
    of_choice = next(c for c in declared[CELLS].choices if c.id == choice)
    chosen = next(o for o in of_choice.options if o.id == option)
    rows = Selector(small.evidence, declared[CELLS].synthesis).rows([chosen])
    assert {row.study_id: (row.events, row.n) for row in rows} == TAKEN[choice, option]


def test_every_declared_option_of_the_selection_was_looked_at(declared):
    named = {(c.id, o.id) for c in declared[CELLS].choices if c.selects for o in c.options if not o.own or (c.id, o.id) in TAKEN}
    assert named == set(TAKEN)


def test_options_add_up_and_nobody_is_counted_twice(small, declared):
    by_id = {(c.id, o.id): o for c in declared[CELLS].choices for o in c.options}
    chosen = [by_id["overlap", "other"], by_id["source", "second-hand"], by_id["size", "ten"]]
    rows = Selector(small.evidence, declared[CELLS].synthesis).rows(chosen)
    assert {row.study_id for row in rows} == {"ash", "cedar", "dogwood", "elm_early", "fir"}


def test_a_count_kept_out_for_two_reasons_needs_both_taken_in(small, declared):
    """Hazel shares patients and was told in the news: taking in the one alone leaves it out."""
    option = Option("x", "X", admit=("overlap", "other:news_only"))
    rows = Selector(small.evidence, declared[CELLS].synthesis).rows([option])
    assert "hazel" in {row.study_id for row in rows}


def test_the_books_own_choice_is_the_declared_estimate_exactly(estimates, declared):
    for one in declared.declared:
        found = explore(estimates, reduced(one))
        [analysis] = found.analyses
        estimate = estimates[one.id]
        result = estimate.result or estimate.unpooled
        answer = analysis.answer
        assert (answer.estimate, answer.ci_low, answer.ci_high) == (result.estimate, result.ci_low, result.ci_high), one.id
        assert (answer.pooled, analysis.k, analysis.events, analysis.n) == (
            estimate.pooled,
            estimate.k,
            estimate.events,
            estimate.n,
        )
        assert found.own == 0


def test_every_analysis_is_another_set_of_counts_or_another_way_to_pool_them(small, declared):
    few = reduced(
        declared[CELLS], model=["glmm", "reml", "dl"], interval=["profile-t", "wald", "hksj"], measure=["logit", "arcsine"],
        correction=["zero", "all"], source=["any", "primary"], identity=["any", "confirmed"], size=["any", "ten"],
    )  # fmt: skip
    found = explore(small, few)
    selected, pooled = selections(small, few), poolings(few)
    split = [c.selects for c in few.choices]
    keys = []
    for analysis in found.analyses:
        which = tuple(o for o, selects in zip(analysis.options, split, strict=True) if selects)
        how = tuple(o for o, selects in zip(analysis.options, split, strict=True) if not selects)
        keys.append((tuple(row.count_ids for row in selected[which]), pooled[how]))
    assert len(set(keys)) == len(keys) == len({a.options for a in found.analyses})
    # The mixed model needs no half events, so the book's own analysis is two combinations; its name is that which departs from nothing.
    assert found.analyses[found.own].options == tuple(c.own for c in few.choices)
    # Leaving out cedar for its source or for its identity is one analysis, told as the choice that comes first.
    assert found.same > 0
    assert found.combinations == len(found.analyses) + found.same + found.too_few + found.failed
    assert len(set(keys)) == len(
        {(tuple(r.count_ids for r in rows), way) for rows in selected.values() for way in pooled.values()}
    )


def test_an_analysis_pools_as_the_library_does(small, declared):
    """By hand: the four primary reports by DerSimonian-Laird on the arcsine."""
    from cordbook.synthesis import pool_proportions

    few = reduced(
        declared[CELLS], model=["glmm", "dl"], interval=["profile-t", "wald"], measure=["logit", "arcsine"],
        average=["population", "median"], source=["any", "primary"],
    )  # fmt: skip
    places = {"model": 1, "interval": 1, "measure": 1, "average": 1, "source": 1}
    options = tuple(places.get(choice.id, 0) for choice in few.choices)
    [analysis] = [a for a in explore(small, few).analyses if a.options == options]
    by_hand = pool_proportions([5, 3, 6, 10], [20, 8, 12, 40], model="dl", ci="wald", measure="arcsine")
    assert (analysis.answer.estimate, analysis.answer.ci_low) == (by_hand.estimate, by_hand.ci_low)


def test_ways_that_do_not_exist_are_no_analyses(declared):
    synthesis = declared[CELLS].synthesis
    assert isinstance(settings_of(synthesis, [("model", "reml"), ("ci", "profile-t")]), str)
    assert isinstance(settings_of(synthesis, [("measure", "arcsine")]), str)
    comparison = declared["ais-improved-treated-v-control"].synthesis
    assert isinstance(settings_of(comparison, [("model", "mh"), ("ci", "hksj")]), str)
    # Mantel-Haenszel adds no half events, so which studies would get them is no choice.
    one, other = (settings_of(comparison, [("model", "mh"), ("ci", "wald"), ("corrected", c)]) for c in ("zero", "all"))
    assert one == other


def test_what_the_statistics_refuse_is_counted_and_stops_nothing(declared):
    from cordbook.review.multiverse.pooling import Task

    settings = settings_of(declared["ais-improved-treated-v-control"].synthesis, [])
    found = work(Task(((0, 0), (10, 10), (0, 0), (10, 10)), settings))
    assert isinstance(found, NoNumber)
    assert "No study has both events and non-events" in found.why


#: A change of the declarations, and what is said of it.
WRONG = {
    "no list": (lambda c: c.pop("choices"), "expected the keys `choices` and `multiverses`"),
    "two own": (lambda c: c["choices"][0]["options"][1].update(own=True), "model: 2 options are marked `own: true`"),
    "no such column": (lambda c: option(c, "design", 1).update(where={"desing": "rct"}), "the column 'desing', which the counts do not have"),
    "no such reason": (lambda c: option(c, "source", 2).update(admit=["other:hearsay"]), "admit names 'other:hearsay'"),
    "no such setting": (lambda c: option(c, "model", 1).update(set={"modle": "x"}), "set names 'modle'"),
    "both kinds": (lambda c: option(c, "model", 1).update(people=3), "either on how counts are pooled (set) or on which counts"),
    "the same twice": (lambda c: option(c, "model", 2).update(set={"model": "betabinomial"}), "reml and betabinomial do the same"),
    "no such choice": (lambda c: c["multiverses"][0]["choices"].append("taste"), "no choice 'taste'"),
    "no such estimate": (lambda c: c["multiverses"][0]["estimates"].append("x"), "no estimate 'x' is declared in syntheses.yml"),
    "declared twice": (lambda c: c["multiverses"].append(c["multiverses"][0]), "choices are declared twice for this estimate"),
    "own is not declared": (lambda c: own(c, "model", "reml"), "mark what is declared"),
    "own selects otherwise": (lambda c: own(c, "counts", "widest"), "the declaration of the estimate selects otherwise"),
    "no condition": (lambda c: c["multiverses"][0]["conclusions"][0].update(when={"estimate": "small"}), "write a comparison"),
    "never reached": (lambda c: c["multiverses"][0]["conclusions"][0].pop("when"), "those after it are never reached"),
    "no last": (lambda c: c["multiverses"][0]["conclusions"].pop(), "the last conclusion has no `when`"),
    "overlap": (lambda c: option(c, "overlap", 1).update(overlap="both"), "overlap is 'both'; it is one of one, none, other"),
}  # fmt: skip


def option(content, choice, place):
    return next(c for c in content["choices"] if c["id"] == choice)["options"][place]


def own(content, choice, to):
    for entry in next(c for c in content["choices"] if c["id"] == choice)["options"]:
        entry.pop("own", None)
        if entry["id"] == to:
            entry["own"] = True


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_declaration_is_told_with_its_place_and_what_is_allowed(estimates, root, name):
    content = yaml.safe_load((root / "data" / "multiverse.yml").read_text(encoding="utf-8"))
    change, told = WRONG[name]
    changed = copy.deepcopy(content)
    change(changed)
    columns = {*estimates.evidence.count_columns, *DERIVED}
    reasons = set(estimates.evidence["not_poolable_reasons"]["reason"])
    assert parse_multiverses(content, estimates.declarations, columns, reasons).ids
    with pytest.raises(MultiverseError) as error:
        parse_multiverses(changed, estimates.declarations, columns, reasons)
    assert told in str(error.value)
    assert str(error.value).startswith("multiverse.yml: ")


def test_an_estimate_without_choices_is_told_with_those_that_have_some(declared):
    with pytest.raises(UnknownName, match="declares no choices for 'tumour-cell-therapy'; there are: ais-improved-cell-therapy"):
        declared["tumour-cell-therapy"]


@pytest.fixture(scope="module")
def found(small, declared):
    """Three choices of the small evidence."""
    return explore(small, reduced(declared[CELLS], model=["glmm", "dl"], interval=["profile-t", "wald"], design=["any", "controlled"],
                                  source=["any", "second-hand"], size=["any", "ten"]))  # fmt: skip


def test_the_sentence_counts_the_conclusions_and_marks_the_books_own(found):
    text = conclusions_sentence(found)
    assert f"{len(found.analyses):,} defensible analyses" in text
    assert sum(n for _, n in found.counted) == len(found.analyses)
    own = found.conclusions[found.analyses[found.own].conclusion].text
    assert text.startswith("All ") or f"{own}, as the book does" in text


def test_the_sentence_turns_when_the_data_turn(small, declared, found):
    """Nearly everybody improves in each study: what was below one half is above it."""
    old = small.evidence
    frames = {name: old[name] for name in old}
    frames["outcomes"] = frames["outcomes"].assign(events=(frames["outcomes"]["n"] - 1).clip(lower=0))
    turned = Estimates(Evidence(old.folder, old.package, Tables(frames)), small.declarations)
    again = explore(turned, found.declared)
    before, after = sentence(found), sentence(again)
    assert "surely above one half" in after
    assert "surely above one half" not in before
    assert "surely below one half" in before
    assert "surely below one half" not in after


def test_the_choice_that_moves_the_result_most_is_found_by_hand(found):
    """All pairs of combinations that differ in one choice alone, one by one."""
    estimates = found.grid.estimates
    means = {}
    for axis, choice in enumerate(found.choices):
        gaps = []
        for one in zip(*(places.tolist() for places in (~pd.isna(estimates)).nonzero()), strict=True):
            for place in range(one[axis]):
                other = (*one[:axis], place, *one[axis + 1 :])
                if not pd.isna(estimates[other]):
                    gaps.append(abs(estimates[one] - estimates[other]))
        means[choice.id] = sum(gaps) / len(gaps) if gaps else 0.0
    assert {m.choice.id: m.mean for m in found.moves} == pytest.approx(means)
    most = max(means, key=lambda choice: means[choice])
    assert found.moves[0].choice.id == most
    assert f"“{found.moves[0].choice.label.lower()}”" in moving_sentence(found)
    # An interval moves no estimate; it may turn a conclusion.
    assert next(m for m in found.moves if m.choice.id == "interval").mean == 0.0


def test_where_nothing_moves_it_is_said(found):
    still = replace(found, grid=replace(found.grid, estimates=found.grid.estimates * 0 + 0.5))
    assert moving_sentence(still) == "No choice alone moves the result by more than a hair."


def test_a_single_conclusion_is_told_of_all(found):
    same = replace(found, analyses=tuple(replace(a, conclusion=0) for a in found.analyses))
    assert conclusions_sentence(same) == f"All {len(found.analyses)} defensible analyses give a share surely below one half."


def test_choices_know_their_own(declared):
    for one in declared.declared:
        assert all(isinstance(c, Choice) and c.options[c.own].own for c in one.choices)


def test_the_curve_is_drawn_twice_with_the_books_own_and_its_numbers(found):
    from cordbook.display.figures.curves.choices import Choices

    shown = Choices(found)
    figure = shown.figure
    assert sentence(found) in figure.alt
    assert sentence(found) in shown.to_html()
    assert "the book’s own" in figure.svg
    assert "cb-small" in figure.narrow
    lines = figure.data.splitlines()
    assert len(lines) == 1 + len(found.analyses)
    assert lines[0].startswith("rank,estimate,ci_low,ci_high,studies,events,people,conclusion,model")
    moves, alone = shown.tables
    assert len(moves.rows) == len(found.choices)
    assert alone.rows[0][0] == "The book's own"


def test_the_command_tells_numbers_conclusions_and_what_was_left_out(found):
    from cordbook.cli.multiverse import _text

    text = _text(found, whole=True)
    assert sentence(found) in text
    assert f"{found.combinations:,} combinations of options exist: {len(found.analyses):,} analyses" in text
    assert "Left out: time since injury." in text
    assert "\n" in _text(found, whole=False)
    assert "combinations" not in _text(found, whole=False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([CELLS, "--jobs", "2", "--scheduler", "tcp://x:1"], "give one of them"),
        (["--figure", "curve.svg"], "name it"),
        (["tumour-cell-therapy"], "declares no choices for 'tumour-cell-therapy'"),
    ],
)
def test_the_command_says_what_is_wrong_before_it_computes(root, monkeypatch, capsys, arguments, told):
    from cordbook.cli import main

    monkeypatch.chdir(root)
    assert main(["multiverse", *arguments]) in (1, 2)
    assert told in capsys.readouterr().err
