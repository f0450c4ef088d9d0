"""The declared estimates on the real evidence, against sums made another way, straight from the CSV files."""

import csv
import dataclasses
import json

import pytest

from cordbook.cli import main
from cordbook.review.scores.estimates import scores_of

#: R printed ten digits.
PRINTED_DIGITS = 1e-11


@pytest.fixture(scope="module")
def rows(root):
    with (root / "data" / "outcomes.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def cell_therapy(root):
    with (root / "data" / "studies.csv").open(encoding="utf-8", newline="") as handle:
        return {r["study_id"] for r in csv.DictReader(handle) if r["intervention_class"] == "cell_therapy"}


@pytest.fixture(scope="module")
def sizes(root):
    with (root / "data" / "arms.csv").open(encoding="utf-8", newline="") as handle:
        return {r["arm_id"]: r["n"] for r in csv.DictReader(handle)}


def totals(rows, studies, outcome, sizes):
    """Studies, events and people of the rows of everybody: no stratum, or a stratum that is the whole arm where no such row is."""
    treated = [
        r
        for r in rows
        if r["outcome"] == outcome and r["study_id"] in studies and r["poolable"] == "yes" and r["arm_id"].endswith(".treated")
    ]
    told = {r["arm_id"] for r in treated if not r["stratum"]}
    whole = [r for r in treated if r["stratum_relation"] == "only_stratum" and r["n"] == sizes[r["arm_id"]]]
    chosen = [r for r in treated if not r["stratum"]] + [r for r in whole if r["arm_id"] not in told]
    return len(chosen), sum(int(r["events"]) for r in chosen), sum(int(r["n"]) for r in chosen)


@pytest.mark.parametrize(
    ("estimate", "outcome"),
    [
        ("ais-improved-cell-therapy", "ais_improved"),
        ("tumour-cell-therapy", "tumour"),
        ("sae-related-cell-therapy", "sae_related"),
        ("sae-any-cell-therapy", "sae_any"),
        ("bladder-improved-cell-therapy", "bladder_improved"),
        ("motor-improved-cell-therapy", "motor_improved"),
        ("sensory-improved-cell-therapy", "sensory_improved"),
    ],
)
def test_an_estimate_holds_every_poolable_total_of_its_outcome_once(estimates, rows, cell_therapy, sizes, estimate, outcome):
    e = estimates[estimate]
    assert (e.k, e.events, e.n) == totals(rows, cell_therapy, outcome, sizes)
    assert len(e.study_ids) == e.k


def test_every_estimate_can_be_walked_back_to_its_cells(estimates, rows):
    counts = {r["cell_id"]: (int(r["events"]), int(r["n"])) for r in rows}
    for e in estimates:
        assert (e.events, e.n) == tuple(sum(column) for column in zip(*(counts[c] for c in e.count_ids), strict=True)), e.id
        assert len(set(e.count_ids)) == len(e.count_ids), e.id


def test_subgroups_are_parts_of_their_estimate(estimates):
    for e in estimates:
        parts = estimates.parts(e.id)
        if parts:
            cells = [c for part in parts for c in part.count_ids]
            assert len(cells) == len(set(cells)), e.id
            assert set(cells) <= set(e.count_ids), e.id


def test_no_study_of_an_overlap_group_is_pooled_beside_another(estimates, root):
    with (root / "data" / "overlap_members.csv").open(encoding="utf-8") as handle:
        members = list(csv.DictReader(handle))
    with (root / "data" / "overlap_disjoint.csv").open(encoding="utf-8") as handle:
        disjoint = {frozenset((r["study_a"], r["study_b"])) for r in csv.DictReader(handle)}
    groups = {}
    for m in members:
        groups.setdefault(m["overlap_group"], set()).add(m["study_id"])
    for e in estimates:
        for group in groups.values():
            inside = sorted(group & set(e.study_ids))
            for i, one in enumerate(inside):
                for other in inside[i + 1 :]:
                    assert frozenset((one, other)) in disjoint, f"{e.id}: {one} and {other} may share patients"


def test_a_single_study_gives_its_exact_interval(estimates):
    late = estimates["natural-ais-a-late"]
    assert late.k == 1
    # Clopper-Pearson 95% limits of 6 of 148, from R 4.2.2: print(binom.test(6, 148)$conf.int, digits = 10)
    assert late.result.ci_low == pytest.approx(0.01502071104, abs=PRINTED_DIGITS)
    assert late.result.ci_high == pytest.approx(0.08614914591, abs=PRINTED_DIGITS)


def test_an_unknown_id_names_those_near_it(estimates):
    with pytest.raises(KeyError, match="ais-improved-cell-therapy--bm-msc"):
        estimates["ais-improved-cell-therapy--nothing"]


def test_the_command_prints_every_estimate(estimates, capsys, root, monkeypatch):
    monkeypatch.chdir(root / "book")
    assert main(["estimates", "--json"]) == 0
    printed = {e["id"]: e for e in json.loads(capsys.readouterr().out)}
    every = [*estimates, *scores_of(estimates)]
    assert list(printed) == [e.id for e in every]
    ais = printed["ais-improved-cell-therapy"]
    assert ais["estimate"] == estimates["ais-improved-cell-therapy"].result.estimate
    assert ais["cells"]["lammertse2012"] == ["lammertse2012.treated.ais_improved.all.6"]
    assert main(["estimates"]) == 0
    table = capsys.readouterr().out
    assert all(e.id in table for e in every)


def test_the_command_fails_with_one_line_outside_a_project(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["estimates"]) == 2
    assert "no Cordbook project" in capsys.readouterr().err


def test_the_command_names_an_unknown_estimate(capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    assert main(["estimates", "nothing"]) == 1
    assert "no estimate 'nothing'" in capsys.readouterr().err


def test_the_record_behind_an_estimate_has_the_cells_of_every_arm(estimates):
    """A study with two arms in one estimate: JSON and release keep the cells of both."""
    e = estimates["ais-improved-cell-therapy"]
    first = e.rows[0]
    second = dataclasses.replace(first, arm=(dataclasses.replace(first.arm[0], cell_id="made.up.cell"),))
    two = dataclasses.replace(e, rows=(*e.rows, second))
    assert {c for ids in two.to_dict()["cells"].values() for c in ids} == set(two.count_ids)
    assert "made.up.cell" in two.count_ids
    assert two.to_dict()["cells"][second.study_id][-1] == "made.up.cell"


def test_no_study_stands_twice_in_a_pool(estimates):
    for estimate in estimates:
        assert len(estimate.study_ids) == estimate.k, estimate.id


def test_a_new_study_is_told_no_more_closely_than_the_average(estimates):
    """Of every pooled share the prediction interval holds the confidence interval."""
    shown = [e.result for e in estimates if e.result is not None and not e.is_comparison and e.result.pi_low is not None]
    assert len(shown) > 20
    for result in shown:
        assert result.pi_low <= result.ci_low < result.ci_high <= result.pi_high
