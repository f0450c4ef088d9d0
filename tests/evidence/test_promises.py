"""Each promise of the schema has its rule: read from datapackage.json, so that a new column cannot come without one."""

from __future__ import annotations

import copy
import json
import random
import runpy
from pathlib import Path
from typing import Any

import pytest

from cordbook.core.trust.characters import UNSEEN
from cordbook.core.trust.patterns import BadPattern, compiled
from cordbook.evidence import Unreadable, load_package, rule_list, validate
from cordbook.evidence.promises.contract import contract, schema_problems
from cordbook.evidence.rules import complaints
from cordbook.evidence.rules.promises import COMPOSED
from cordbook.evidence.rules.studies import INTERVALS
from cordbook.evidence.schema import parse_package
from tests.conftest import ROOT
from tests.evidence.conftest import DATA
from tests.evidence.mutations import with_counts, with_row

FIELDS = [(t.name, f) for t in load_package(DATA).tables for f in t.fields]
#: Lists of codes of which each says how a number beside it is to be read.
MEASURES = [(table, field) for table, field in FIELDS if field.name == "measure"]


def test_every_unit_limits_every_column_that_has_it():
    assert [(t, f.name) for t, f in FIELDS if f.unit and f.limits is None] == []
    for table, field in FIELDS:
        if field.unit and field.type in ("integer", "number"):
            for value in (field.limits.minimum - 1, field.limits.maximum + 1):
                text = f"{value:.0f}"
                assert "range" in {rule for rule, _, _ in complaints(field, text)}, (table, field.name, text)


def test_a_calendar_year_does_not_run_on():
    """The unit holds for ages too, so a column of years says itself where they end."""
    assert [(t, f.name) for t, f in FIELDS if f.unit == "year" and f.years_ahead is None and f.maximum is None] == []


def test_every_measure_says_what_its_numbers_can_be():
    assert len(MEASURES) >= 2
    package = json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))
    told = {(r["name"], f["name"]): set(f.get("implies", {})) for r in package["resources"] for f in r["schema"]["fields"]}
    for table, field in MEASURES:
        assert told[table, field.name] == set(field.enum), (
            f"{table}: say under implies what each measure means, {{}} for no limit"
        )


def test_every_composed_key_has_its_rule():
    composed = {f"{t}.{f.name}" for t, f in FIELDS if f.composed_of}
    assert composed == set(COMPOSED)
    assert set(COMPOSED.values()) <= set(rule_list())
    # A key with a full stop in its form is made of parts.
    keys = {(t.name, t.primary_key[0]) for t in load_package(DATA).tables if len(t.primary_key) == 1}
    made = {f"{t}.{f.name}" for t, f in FIELDS if (t, f.name) in keys and f.pattern and r"\." in f.pattern}
    assert made - {"hosts.host", "sections.section", "dimensions.dimension"} <= composed


def test_every_interval_is_under_the_rule_of_intervals():
    found = {(t, f.name) for t, f in FIELDS if f.name.endswith(("_low", "_high"))}
    assert found == {(table, column) for table, low, _, high, _ in INTERVALS for column in (low, high)}


def test_every_address_is_http_and_every_pattern_is_ascii():
    for table, field in FIELDS:
        if field.name == "url" or field.name.endswith("_url"):
            assert field.form is not None, (table, field.name)
            for bad in ("javascript:alert(1)", "http://localhost/x", 'https://x.org/"a', "https://x.org/ a", "data:text/html,x"):
                assert not field.form.fullmatch(bad), (table, field.name, bad)
            assert field.form.fullmatch("https://www.nature.com/articles/sc1989234?x=1#y")
        if field.pattern:
            assert not any(sign in field.pattern for sign in (r"\d", r"\w", r"\s", r"\S")), (table, field.name)
            assert not field.form.fullmatch("1234567\u0663"), (table, field.name)


def test_characters_that_nobody_sees_are_refused(package):
    """All of the Unicode property Default_Ignorable_Code_Point, and signs that are drawn as nothing."""
    field = package.table("studies").field("country")
    unseen = [
        chr(c) for c in (0x00AD, 0x034F, 0x115F, 0x17B4, 0x180B, 0x200D, 0x2800, 0x3164, 0xFE00, 0xFE0F, 0xFFA0, 0x1D173, 0xE0100)
    ]
    for char in unseen:
        assert UNSEEN.match(char)
        assert "clean-text" in {rule for rule, _, _ in complaints(field, f"Ch{char}ile")}, f"U+{ord(char):04X}"
    assert complaints(field, "Côte d’Ivoire; 中国; Ελλάδα; Россия") == ()


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)*b", "(([a-z])+.)+[A-Z]([a-z])+", "(x+x+)+y", "(.*a){12}"])
def test_no_pattern_takes_more_steps_than_its_text(pattern):
    """A backtracking matcher would not come back from these."""
    assert not compiled(pattern).fullmatch("a" * 3000 + "!\n")


@pytest.mark.parametrize("pattern", ["(", r"(a)\1", "(?<=a)b", "a{9999999}", "(?i)a", "a{900}{900}", "x" * 9000, "^a"])
def test_a_pattern_that_cannot_be_matched_so_is_refused(pattern):
    with pytest.raises(BadPattern):
        compiled(pattern)


def test_patterns_match_as_those_of_python(raw):
    """Every value of the data, against every pattern of the schema."""
    import re

    values = sorted({row[f.name] for t, f in FIELDS if f.pattern for _, row in raw[t].rows})
    some = random.Random(1).sample(values, 300)
    for pattern in {f.pattern for _, f in FIELDS if f.pattern}:
        python = re.compile(pattern, re.ASCII)
        assert [v for v in some if bool(python.fullmatch(v)) != compiled(pattern).fullmatch(v)] == []


# ------------------------------------------------------------------------------------------ the schema itself


def descriptor() -> dict[str, Any]:
    return json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))


def found_in(changed: dict[str, Any]) -> set[str]:
    """The places that are told of a changed schema; "refused" where it is not read at all."""
    try:
        package = parse_package(json.dumps(changed))
    except Unreadable:
        return {"refused"}
    return {problem.column for problem in schema_problems(package)}


def test_the_contract_is_that_of_the_schema():
    tool = runpy.run_path(str(ROOT / "tools" / "base_schema.py"))
    assert tool["CONTRACT"].read_text(encoding="utf-8") == tool["contract_text"](), "run `python tools/base_schema.py`"
    assert found_in(descriptor()) == set()
    template = json.loads(tool["BASE"].read_text(encoding="utf-8"))
    assert found_in(template) == set()


def test_every_promise_that_is_taken_out_is_told():
    """Each constraint, unit, key and code of every column in turn."""
    own = descriptor()
    missed = []
    for r, resource in enumerate(own["resources"]):
        for f, field in enumerate(resource["schema"]["fields"]):
            inner = [("constraints", key) for key in field.get("constraints", {})]
            for path in [(key,) for key in field if key not in ("name", "type", "constraints")] + inner:
                changed = copy.deepcopy(own)
                part = changed["resources"][r]["schema"]["fields"][f]
                for key in path[:-1]:
                    part = part[key]
                del part[path[-1]]
                if not found_in(changed):
                    missed.append((resource["name"], field["name"], path))
    # A list of codes that each review chooses may be open.
    assert {(table, column) for table, column, _ in missed} == {
        ("studies", "topic"), ("studies", "population"), ("studies", "intervention_class"), ("registered_trials", "population"),
        ("search_strategies", "part"),
    }  # fmt: skip


def test_a_table_that_is_taken_out_is_told():
    own = descriptor()
    for name, wanted in contract()["tables"].items():
        changed = copy.deepcopy(own)
        changed["resources"] = [r for r in own["resources"] if r["name"] != name]
        pointed = any(k["reference"]["resource"] == name for r in own["resources"] for k in r["schema"].get("foreignKeys", ()))
        assert found_in(changed) == ({"refused"} if pointed else {name} if wanted["needed"] else set()), name


@pytest.mark.parametrize(
    "junk", [None, 5, True, [], [1], {}, {"a": 1}, "\ud800", "\0", float("nan"), [[]], [None], 1.5, "x" * 9000]
)
def test_junk_anywhere_in_the_schema_is_no_crash(junk):
    own = descriptor()
    rng = random.Random(repr(junk))
    for _ in range(40):
        changed = copy.deepcopy(own)
        part: Any = changed
        while True:
            key = rng.choice(list(part) if isinstance(part, dict) else range(len(part)))
            if not isinstance(part[key], dict | list) or not part[key] or rng.random() < 0.1:
                part[key] = junk
                break
            part = part[key]
        found_in(changed)


def test_a_name_that_stands_twice_is_refused(folder):
    path = folder / "datapackage.json"
    path.write_text(
        path.read_text(encoding="utf-8").replace('"name": "cordbook"', '"name": "a", "name": "b"', 1), encoding="utf-8"
    )
    with pytest.raises(Unreadable, match="appears twice"):
        load_package(folder)


def test_an_unknown_unit_needs_limits_of_its_own():
    own = descriptor()
    field = next(f for f in own["resources"][1]["schema"]["fields"] if f["name"] == "age_mean")
    field["unit"] = "fortnight"
    parse_package(json.dumps(own))  # age_mean has both limits
    del field["constraints"]["maximum"]
    with pytest.raises(Unreadable, match="fortnight"):
        parse_package(json.dumps(own))


# ---------------------------------------------------------------------------------------------- particular cases


def rules_of(raw, package) -> set[str]:
    from cordbook.evidence.rules.validation import check_tables

    return {p.rule for p in check_tables(package, raw) if p.severity == "error"}


def test_a_count_keeps_its_key_when_a_correction_changes_what_it_names(raw, package):
    number, row = next((n, r) for n, r in raw["outcomes"].rows if r["timepoint_months"] == "12" and not r["stratum"])
    moved = with_counts(raw, "outcomes", number, {"timepoint_months": "11"})
    assert "count-id" in rules_of(moved, package)
    correction = {
        "correction_id": "K901", "table": "outcomes", "row_key": row["cell_id"], "column": "timepoint_months", "old_value": "12",
        "new_value": "11", "corrected_on": "2026-11-30", "reason": "the paper says 11 months",
    }  # fmt: skip
    corrected, _ = with_row(moved, "corrections", correction)
    assert "count-id" not in rules_of(corrected, package)


def test_a_machine_verifies_nothing(package):
    field = package.table("verifications").field("verified_by")
    assert complaints(field, "A. Person") == complaints(field, "0000-0002-1825-0097") == ()
    assert [rule for rule, _, _ in complaints(field, "B5")] == ["pattern"]


@pytest.mark.parametrize("kind", ["fifo", "device", "huge"])
def test_what_is_no_file_of_a_sane_size_is_refused_at_once(kind, folder):
    import os

    path = Path(folder / "arms.csv")
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        with path.open("wb") as file:
            file.truncate(100 * 2**20)
    with pytest.raises(Unreadable, match=r"arms\.csv: The file cannot be opened: It (is a pipe|is a device|has more than 64 MB)"):
        validate(folder)
