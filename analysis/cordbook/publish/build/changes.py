"""What changed in ``data/`` since the last good build, row by row, and which estimates moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cordbook.core import csv_files
from cordbook.core.project import Project
from cordbook.publish.freshness.snapshot import Snapshot, data_texts
from cordbook.review.estimates.estimates import Estimate, Estimates
from cordbook.review.scores.estimates import scores_of

#: Values are cut here in messages.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one row, or of a file that is not a table. ``row`` is the number a spreadsheet shows; None where the row is gone."""

    file: str
    row: int | None
    key: str
    kind: str
    column: str = ""
    before: str = ""
    after: str = ""

    def describe(self) -> str:
        """As a person would say it: ``outcomes.csv row 412 (CELL_ID), events 5 -> 7``."""
        place = self.file + (f" row {self.row}" if self.row else "") + (f" ({self.key})" if self.key else "")
        if self.kind == "changed" and self.column:
            return f"{place}, {self.column} {_short(self.before)} -> {_short(self.after)}"
        return f"{place} {self.kind}"


@dataclass(frozen=True, slots=True)
class Moved:
    """An estimate that is new, gone or no longer what it was; intervals in the words of the book."""

    id: str
    kind: str
    before: str
    after: str
    k_before: int
    k_after: int

    def describe(self) -> str:
        return f"{self.id}: {self.before or 'none'} -> {self.after or 'none'}"


def _short(text: str) -> str:
    text = text if text else "blank"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def data_changes(project: Project, last: Snapshot, keys: Mapping[str, tuple[str, ...]]) -> list[Change]:
    """Changes of ``data/`` since the last good build; ``keys`` are the primary keys by file name."""
    now = data_texts(project)
    changes: list[Change] = []
    for name in sorted({*now, *last.files}):
        before, after = last.files.get(name), now.get(name)
        if before == after:
            continue
        if before is None or after is None or name not in keys:
            kind = "added" if before is None else "removed" if after is None else "changed"
            changes.append(Change(name, None, "", kind))
            continue
        found = list(_row_changes(name, before, after, keys[name]))
        changes += found or [Change(name, None, "", "changed in form, not in content")]
    return changes


def _row_changes(name: str, before: str, after: str, key: tuple[str, ...]) -> Iterator[Change]:
    old, new = _rows(before, key), _rows(after, key)
    for row_key, (number, values) in new.items():
        if row_key not in old:
            yield Change(name, number, row_key, "added")
            continue
        earlier = old[row_key][1]
        for column in dict.fromkeys([*values, *earlier]):
            if earlier.get(column, "") != values.get(column, ""):
                yield Change(name, number, row_key, "changed", column, earlier.get(column, ""), values.get(column, ""))
    for row_key in old:
        if row_key not in new:
            yield Change(name, None, row_key, "removed")


def _rows(text: str, key: tuple[str, ...]) -> dict[str, tuple[int, dict[str, str]]]:
    rows = {}
    table = csv_files.parse(text, strict=False)
    for number, record in table.records:
        values = {column: value.strip() for column, value in table.row(record).items()}
        rows["|".join(values.get(part, "") for part in key)] = (number, values)
    return rows


def primary_keys(estimates: Estimates) -> dict[str, tuple[str, ...]]:
    """Primary key of each table by the name of its file; its first column where the schema names none."""
    return {t.path: tuple(t.primary_key) or (t.columns[0],) for t in estimates.evidence.package.tables}


def moved_estimates(estimates: Estimates, last: Snapshot) -> list[Moved]:
    """Estimates that are new, gone or different from those of the last good build."""
    before = {entry["id"]: entry for entry in last.estimates}
    moved = []
    for estimate in (*estimates, *scores_of(estimates)):
        entry, now = before.pop(estimate.id, None), estimate.to_dict()
        if entry is None:
            moved.append(Moved(estimate.id, "new", "", format_estimate(now), 0, estimate.k))
        elif _numbers(entry) != _numbers(now):
            moved.append(Moved(estimate.id, "moved", format_estimate(entry), format_estimate(now), int(entry["k"]), estimate.k))
    return moved + [Moved(i, "gone", format_estimate(e), "", int(e["k"]), 0) for i, e in before.items()]


def _numbers(entry: Mapping[str, Any]) -> list[Any]:
    return [entry.get(name) for name in ("estimate", "ci_low", "ci_high", "pi_low", "pi_high", "k", "n", "events", "i2", "tau2")]


def format_estimate(entry: Mapping[str, Any]) -> str:
    """An estimate of the JSON form in short, with its interval."""
    from cordbook.review.estimates.phrases import percent_number, ratio

    if entry.get("estimate") is None:
        return "not estimable"
    if "unit" in entry:
        ends = f"{entry['ci_low']:.1f} to {entry['ci_high']:.1f}"
        return f"{entry['estimate']:.1f} {entry['unit']} ({ends}; k={entry['k']})"
    plain = entry["kind"] == "comparison" and entry.get("measure") != "RD"
    show = ratio if plain else percent_number
    text = f"{show(entry['estimate'])}{'' if plain else '%'} ({show(entry['ci_low'])} to {show(entry['ci_high'])}; k={entry['k']}, {entry['events']}/{entry['n']})"
    return f"{entry.get('measure')} {text}" if plain else text


def count_ids_of(entry: Estimate | Mapping[str, Any]) -> set[str]:
    """Ids of the counts behind an estimate, of today or stored."""
    if isinstance(entry, Estimate):
        return set(entry.count_ids)
    return {count_id for ids in entry.get("cells", {}).values() for count_id in ids}


def as_dicts(items: list[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items]
