"""The comparison names every cause of every change, and nothing else."""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.publish import small_book

from cordbook.display.chapters.releases import _comparison
from cordbook.publish.release.version_files import results_lines
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.reporting.freezing import freeze, settings_of
from cordbook.review.versions.diff import Comparison, compare, differing
from cordbook.review.versions.history import history
from cordbook.review.versions.releases import Frozen, FrozenGuard, ReleaseError, Version
from cordbook.review.versions.steps import MAJOR, MINOR, PATCH, proposed, required_step, step_between, too_small
from cordbook.review.versions.words import as_table

LIMA = "lima2010.treated.ais_improved.all.27.7"
GUARDS = (
    FrozenGuard("book/prose", "More than a third improved", "ais-improved.estimate > 0.3", True, ("ais-improved",)),
    FrozenGuard("book/prose", "No tumour was seen.", "tumour.events == 0", True, ("tumour",)),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """The small book, with subgroups in one of its estimates."""
    target = small_book.make(root, tmp_path_factory.mktemp("diff") / "project")
    path = target / "data" / "syntheses.yml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("    sentence: About", "    by: cell_type\n    sentence: About"),
        encoding="utf-8",
    )
    return target


@pytest.fixture(scope="module")
def before(project: Path) -> Frozen:
    return freeze(load_estimates(project), GUARDS)


@pytest.fixture
def changed(project: Path, before: Frozen, tmp_path: Path) -> Callable[[Callable[[Path], None]], Comparison]:
    """Compare the book with a copy in which ``edit`` has changed data/."""

    def compared(edit: Callable[[Path], None]) -> Comparison:
        shutil.copytree(project / "data", tmp_path / "data")
        edit(tmp_path / "data")
        return compare(before, freeze(load_estimates(tmp_path)))

    return compared


def edit_row(data: Path, table: str, key: str, **values: str) -> None:
    """Change values of the row whose first column is ``key``."""
    rows = small_book._read(data / f"{table}.csv")
    first = next(iter(rows[0]))
    (row,) = [r for r in rows if r[first] == key]
    row.update(values)
    small_book._write(data / f"{table}.csv", tuple(rows[0]), rows)


def drop_rows(data: Path, table: str, column: str, value: str) -> None:
    rows = small_book._read(data / f"{table}.csv")
    small_book._write(data / f"{table}.csv", tuple(rows[0]), [r for r in rows if r[column] != value])


def add_row(data: Path, table: str, like: str, **values: str) -> None:
    """Add a row like the one whose first column is ``like``, with other values."""
    rows = small_book._read(data / f"{table}.csv")
    first = next(iter(rows[0]))
    (row,) = [r for r in rows if r[first] == like]
    small_book._write(data / f"{table}.csv", tuple(rows[0]), [*rows, {**row, **values}])


def add_study(data: Path) -> None:
    """A study of 2027 with 9 of 10 improved, made like an existing one."""
    add_row(data, "references", "lima2010", reference_id="new2027", first_author="New", year="2027", doi="", title="New")
    add_row(data, "studies", "lima2010", study_id="new2027")
    add_row(data, "arms", "lima2010.treated", arm_id="new2027.treated", study_id="new2027")
    add_row(
        data,
        "outcomes",
        LIMA,
        cell_id="new2027.treated.ais_improved.all.12",
        study_id="new2027",
        arm_id="new2027.treated",
        events="9",
        n="10",
    )


def told(comparison: Comparison) -> dict[str, list[str]]:
    """The causes of each change in words, by the id of the estimate."""
    return {c.id: [w.describe() for w in c.causes] for c in comparison.changes}


def test_nothing_changed_gives_nothing(changed):
    found = changed(lambda data: None)
    assert (found.changes, found.rows, found.claims) == ((), (), ())


def test_a_corrected_count_is_named_with_old_and_new_value_and_reaches_only_its_estimates(changed, before):
    found = changed(lambda data: edit_row(data, "outcomes", LIMA, events="12"))
    cause = f"outcomes row {LIMA} corrected: events 11 -> 12"
    assert {i.split("--")[0] for i in told(found)} == {"ais-improved"}
    holding = [i for i, e in before.estimates.items() if LIMA in e.cell_ids]
    assert len(holding) > 1
    assert told(found) == {i: [cause] for i in holding}
    assert all(c.kind == "moved" for c in found.changes)
    assert required_step(found).name == PATCH


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_of_many_corrections_every_one_that_counts_is_named_and_no_other(project, before, data):
    """Any set of corrected counts: the causes of an estimate are exactly the corrections of its own rows."""
    rows = before.rows["outcomes"]
    chosen = data.draw(st.lists(st.sampled_from(sorted(i for i, r in rows.items() if "n" in r)), unique=True, max_size=6))
    made = {}
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(project / "data", Path(place) / "data")
        for cell in chosen:
            events = str(data.draw(st.integers(0, int(rows[cell]["n"]))))
            edit_row(Path(place) / "data", "outcomes", cell, events=events)
            if events != rows[cell].get("events"):
                made[cell] = f"outcomes row {cell} corrected: events {rows[cell]['events']} -> {events}"
        found = compare(before, freeze(load_estimates(place)))
    assert {w.describe() for w in found.rows} == set(made.values())
    for estimate_id, estimate in before.estimates.items():
        expected = {made[cell] for cell in estimate.cell_ids if cell in made}
        assert set(told(found).get(estimate_id, [])) == expected


def test_an_added_study_and_a_removed_row_are_both_named(changed, before):
    gone = next(i for i in sorted(before.estimates["ais-improved"].cell_ids) if i.startswith("karamouzian2012."))
    found = changed(lambda data: (add_study(data), drop_rows(data, "outcomes", "cell_id", gone)))
    added, removed = "outcomes row new2027.treated.ais_improved.all.12 added", f"outcomes row {gone} removed"
    assert sorted(told(found)["ais-improved"]) == sorted([added, removed])
    named = {w for words in told(found).values() for w in words}
    assert named == {added, removed}
    assert "tumour" not in told(found)
    step = required_step(found)
    assert step.name == MINOR
    assert any("1 of studies" in reason for reason in step.reasons)


def test_a_row_that_may_no_longer_be_pooled_is_named_with_the_column(changed):
    found = changed(lambda data: edit_row(data, "outcomes", LIMA, poolable="no", not_poolable_reason="overlap"))
    assert told(found)["ais-improved"] == [f"outcomes row {LIMA} corrected: poolable yes -> no"]


def test_an_arm_that_changes_its_role_is_named(changed):
    found = changed(lambda data: edit_row(data, "arms", "lima2010.treated", role="comparator"))
    assert told(found)["ais-improved"] == ["arms row lima2010.treated corrected: role treated -> comparator"]


def test_a_row_replaced_by_a_later_one_is_told_from_a_removed_row(changed):
    found = changed(
        lambda data: add_row(data, "outcomes", LIMA, cell_id=LIMA.replace("27.7", "60"), timepoint_months="60", events="10")
    )
    assert told(found)["ais-improved"] == [
        f"outcomes row {LIMA.replace('27.7', '60')} added",
        f"outcomes row {LIMA}, itself unchanged, counts no longer",
    ]


@pytest.mark.parametrize("column", ["note", "definition", "locator", "source_url"])
def test_a_correction_of_prose_is_no_change(changed, column):
    assert changed(lambda data: edit_row(data, "outcomes", LIMA, **{column: "Reworded."})).rows == ()


def test_a_correction_that_moves_nothing_is_a_row_but_no_cause(changed):
    found = changed(lambda data: edit_row(data, "studies", "lima2010", country="Elsewhere"))
    assert [c.describe() for c in found.rows] == ["studies row lima2010 corrected: country blank -> Elsewhere"]
    assert found.changes == ()


def test_another_model_is_a_setting_and_a_major_step(changed):
    def edit(data: Path) -> None:
        path = data / "syntheses.yml"
        path.write_text(path.read_text(encoding="utf-8").replace("model: glmm", "model: reml"), encoding="utf-8")

    found = changed(edit)
    assert {w for words in told(found).values() for w in words} == {"declaration edited: model glmm -> reml"}
    assert required_step(found).name == MAJOR


def test_a_synthesis_that_is_withdrawn_or_added_says_so(changed):
    def edit(data: Path) -> None:
        path = data / "syntheses.yml"
        path.write_text(path.read_text(encoding="utf-8").replace("id: tumour", "id: neoplasm"), encoding="utf-8")

    found = changed(edit)
    assert told(found) == {"neoplasm": ["declared for the first time"], "tumour": ["no longer declared"]}
    assert {c.id: c.kind for c in found.changes} == {"neoplasm": "new", "tumour": "gone"}
    assert required_step(found).name == MAJOR


def test_a_sentence_that_is_no_longer_true_is_a_changed_conclusion(changed, before):
    cell = next(iter(before.estimates["tumour"].cell_ids))
    found = changed(lambda data: edit_row(data, "outcomes", cell, events="1"))
    (change,) = [c for c in found.changes if c.id == "tumour"]
    assert [c.describe() for c in change.conclusions] == [
        "direction: not seen -> seen",
        "sentence “No tumour was seen.” no longer holds",
    ]
    assert required_step(found).name == MINOR


def test_a_sentence_on_counts_of_rows_is_a_changed_conclusion_though_it_rests_on_no_estimate(project, before, tmp_path):
    asked = f"[studies/topic=cell_therapy] == {before.count('studies/topic=cell_therapy')}"
    kept = FrozenGuard("book/prose", "So many reports.", asked, True, ())
    unknown = FrozenGuard("book/prose", "Nothing was searched.", "[searches] == 0", True, ())
    then = replace(before, guards=(kept, unknown))
    shutil.copytree(project / "data", tmp_path / "data")
    add_study(tmp_path / "data")
    after = freeze(load_estimates(tmp_path))
    assert [c.describe() for c in compare(then, after).claims] == [
        "sentence “So many reports.” no longer holds",
        "sentence “Nothing was searched.” cannot be judged",  # a release keeps no searches, and the sentence is gone
    ]
    still = replace(after, guards=(unknown,))
    assert "searched" not in str(compare(then, still).claims)


def test_a_guard_whose_bound_was_edited_is_told_as_that(before):
    guard = FrozenGuard("book/prose", "Most improved.", "ais.estimate > 0.5", True, ("tumour",))
    then = replace(before, guards=(guard,))
    kept = compare(then, replace(before, guards=(replace(guard, condition="ais.estimate > 0.4"),)))
    told = "bound of the sentence “Most improved.” edited: ais.estimate > 0.5 -> ais.estimate > 0.4"
    assert ([c.describe() for c in kept.bounds], kept.is_empty) == ([told], False)
    assert required_step(kept).reasons[-1] == told
    assert results_lines(kept, before, {})[-1] == f"Guard edited: {told}."
    assert told in as_table(kept, "0.1.0", "tree")
    reworded = replace(guard, sentence="Many improved.", condition="ais.estimate > 0.4")
    assert [c.key for c in compare(then, replace(before, guards=(reworded,))).bounds] == ["Many improved."]
    about_another = replace(guard, condition="ais.estimate > 0.5 and ais.k > sae.k")
    assert [c.after for c in compare(then, replace(before, guards=(about_another,))).bounds] == [about_another.condition]
    elsewhere = (replace(guard, page="book/other"), replace(guard, sentence="Few.", condition="x.k == 1"))
    assert compare(then, replace(before, guards=elsewhere)).bounds == ()
    assert compare(then, replace(before, guards=(replace(guard, sentence="Many improved."),))).bounds == ()


def test_a_bound_that_was_edited_because_its_sentence_broke_is_a_changed_conclusion(before):
    limit = FrozenGuard("book/prose", "No tumour was seen.", "tumour.events == 0", True, ("tumour",))
    seen = {**before.estimates, "tumour": replace(before.estimates["tumour"], events=1)}
    after = replace(before, estimates=seen, guards=(replace(limit, condition="tumour.events <= 1"),))
    (change,) = compare(replace(before, guards=(limit,)), after).changes
    told = "bound of the sentence “No tumour was seen.”: tumour.events == 0 -> tumour.events <= 1"
    assert [c.describe() for c in change.conclusions] == [told]


def test_a_retraction_names_its_study(before):
    notice = {"study_id": "lima2010", "kind": "retraction", "year": "2026"}
    after = replace(before, rows={**before.rows, "integrity_notices": {**before.rows["integrity_notices"], "N99": notice}})
    found, labels = compare(before, after), {"lima2010": "Lima 2010 (retracted)"}
    assert found.retracted == ("lima2010",)
    assert "Retracted: Lima 2010." in results_lines(found, after, labels)
    assert "Retracted: Lima 2010." in repr(_comparison(found, "What changed", "changes", labels))
    back = compare(after, before)
    assert back.retraction_lines(labels) == ["Retraction withdrawn: Lima 2010."]
    assert compare(after, after).retracted == ()


def test_a_certainty_that_moves_without_its_number_names_its_rows_else_the_rules(before):
    sure = {**before.estimates, "tumour": replace(before.estimates["tumour"], certainty="high")}
    cell = min(before.estimates["tumour"].cell_ids)
    outcomes = {**before.rows["outcomes"], cell: {**before.rows["outcomes"][cell], "confidence": "low"}}
    other_rules = {**before.made_with, "data/certainty.yml": "0" * 64}

    rows = Frozen(sure, (), before.claims, {**before.rows, "outcomes": outcomes}, other_rules)
    (change,) = compare(before, rows).changes
    assert change.kind == "same number"
    assert [(w.key, w.column) for w in change.causes] == [(cell, "confidence")]

    rules = Frozen(sure, (), before.claims, before.rows, other_rules)
    (change,) = compare(before, rules).changes
    assert [w.describe() for w in change.causes] == ["data/certainty.yml changed"]
    assert required_step(compare(before, rules)).name == MAJOR


def test_a_number_that_moves_by_itself_is_the_program(before):
    moved = replace(before.estimates["tumour"], ci_high=0.9)
    after = Frozen({**before.estimates, "tumour": moved}, (), before.claims, before.rows, {**before.made_with, "scipy": "99"})
    (change,) = compare(before, after).changes
    assert [w.describe() for w in change.causes] == [
        f"computed by another version of the program: scipy {before.made_with['scipy']} -> 99"
    ]
    assert required_step(compare(before, after)).name == MAJOR


def test_arithmetic_of_another_machine_is_no_change(before):
    e = before.estimates["ais-improved"]
    assert differing(e, replace(e, estimate=e.estimate * (1 + 1e-9))) == ()
    assert differing(e, replace(e, estimate=e.estimate * (1 + 1e-4))) == ("estimate",)


def test_steps_follow_the_numbers():
    last = Version(1, 4, 2)
    assert [str(proposed(last, s)) for s in (PATCH, MINOR, MAJOR)] == ["1.4.3", "1.5.0", "2.0.0"]
    assert [step_between(last, Version.parse(v)) for v in ("1.4.9", "1.6.0", "3.0.0")] == [PATCH, MINOR, MAJOR]
    assert too_small(last, Version(1, 4, 3), MINOR)
    assert not too_small(last, Version(2, 0, 0), PATCH)


@pytest.mark.parametrize("text", ["1.2", "01.2.3", "1.2.3.dev0", "v1.2.3", "", "1.2.-3"])
def test_what_is_no_version_is_refused(text):
    with pytest.raises(ReleaseError, match="three numbers"):
        Version.parse(text)


def test_history_follows_one_number_and_tells_where_it_is_missing(before):
    without = Frozen({}, (), (), {}, {})
    points = history([("0.1.0", None, without), ("0.2.0", None, before)], "tumour")
    assert [p.estimate is None for p in points] == [True, False]
    with pytest.raises(KeyError, match="near it are: tumour"):
        history([("0.2.0", None, before)], "tumor")


def test_every_row_behind_an_estimate_moves_its_digest(project, before, tmp_path):
    shutil.copytree(project / "data", tmp_path / "data")
    edit_row(tmp_path / "data", "outcomes", LIMA, confidence="low")
    after = freeze(load_estimates(tmp_path))
    differ = {i for i in before.estimates if before.estimates[i].rows_sha256 != after.estimates[i].rows_sha256}
    assert differ == {i for i, e in before.estimates.items() if LIMA in e.cell_ids}


def test_rows_are_kept_as_they_stand_in_the_files(project, before):
    text = (project / "data" / "outcomes.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(io.StringIO(text, newline="")):
        kept = before.rows["outcomes"][row["cell_id"]]
        assert {c: v for c, v in row.items() if c in kept} == dict(kept)
        assert all(row[c] == "" or c in ("cell_id", "source_url", "locator", "definition", "note") for c in row if c not in kept)


def test_limits_of_pooling_are_a_cause_only_where_they_decide(changed, before):
    def two_studies_more(data):
        path = data / "syntheses.yml"
        text = path.read_text(encoding="utf-8")
        assert "not_pooled_if" not in text
        path.write_text(text.replace("level: 0.95}", "level: 0.95, not_pooled_if: {studies_below: 9}}"), encoding="utf-8")

    found = changed(two_studies_more).changes
    assert any(c.after.estimate is None and c.before.estimate is not None for c in found)
    for change in found:
        named = "not_pooled_if" in {c.column for c in change.causes}
        assert named == ((change.before.estimate is None) != (change.after.estimate is None)), change.id


def test_settings_of_a_comparison_leave_out_what_it_has_no_use_for(estimates):
    comparison = settings_of(estimates["ais-improved-treated-v-control"].synthesis)
    assert "average" not in comparison
    assert comparison["hksj_floor"] is True
    assert "hksj_floor" not in settings_of(estimates["ais-improved-treated-v-control-mh"].synthesis)
    assert settings_of(estimates["ais-improved-cell-therapy"].synthesis)["average"] == "population"
