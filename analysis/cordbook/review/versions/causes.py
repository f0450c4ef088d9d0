"""Why an estimate is not what it was: rows added, removed or corrected, a setting, a rule, or the program.

Only what can have moved the estimate is named. Of a row that counts before and after, these are its counts; of a row that came
in or went out, the columns by which rows are chosen. A correction of a note is a change of the data, not a cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from cordbook.review.versions.releases import Frozen, FrozenEstimate, Rows

#: Columns of outcomes.csv that are pooled; by which patients are told apart; and by which rows are chosen.
COUNTED = frozenset({"events", "n", "arm_id", "study_id"})
CHOSEN_BY = frozenset({"outcome", "poolable", "stratum", "stratum_relation", "timepoint_months", "arm_id", "study_id"})
#: Files of data/ that judge rather than count.
RULES = (
    "data/certainty.yml", "data/risk_of_bias.yml", "data/claim_tests.yml", "data/replication.yml", "data/extractions.csv",
    "data/reconciliations.csv", "data/verifications.csv", "data/references.csv",
)  # fmt: skip
ADDED, REMOVED, CORRECTED = "added", "removed", "corrected"
#: The setting that decides only whether studies are pooled.
LIMITS = "not_pooled_if"
#: A value is cut here in words.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for a change.

    ``kind``: ``added``, ``removed``, ``corrected`` (a row of ``table`` with its ``key``; a correction names ``column``,
    ``before`` and ``after``), ``out`` and ``in`` (an unchanged row that another row of its study replaces or gives way to),
    ``setting`` (a declared choice), ``declared`` and ``withdrawn`` (the declaration itself), ``rule`` (a file that judges),
    ``beside`` (another estimate that this one is compared with), ``bound`` (the condition of the guarded sentence ``key`` on the page
    ``table`` was edited), ``program`` (the package or a library).
    """

    kind: str
    table: str = ""
    key: str = ""
    column: str = ""
    before: str = ""
    after: str = ""

    def describe(self) -> str:
        """The cause as a person would say it: ``outcomes row CELL_ID corrected: events 5 -> 7``."""
        change = f"{self.column} {_short(self.before)} -> {_short(self.after)}"
        match self.kind:
            case "corrected":
                return f"{self.table} row {self.key} corrected: {change}"
            case "added" | "removed":
                return f"{self.table} row {self.key} {self.kind}"
            case "out":
                return f"outcomes row {self.key}, itself unchanged, counts no longer"
            case "in":
                return f"outcomes row {self.key}, itself unchanged, counts now"
            case "setting":
                return f"declaration edited: {change}"
            case "declared":
                return "declared for the first time"
            case "withdrawn":
                return "no longer declared"
            case "rule":
                return f"{self.key} changed"
            case "beside":
                return f"{self.key}, which it is compared with, moved"
            case "bound":
                return f"bound of the sentence “{self.key}” edited: {self.before} -> {self.after}"
        return "computed by another version of the program" + (f": {change}" if self.column else "")

    def to_dict(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value or name == "kind"}


def _short(text: str) -> str:
    text = text or "blank"
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def row_changes(old: Rows, new: Rows) -> tuple[Cause, ...]:
    """Every difference of the rows, by table and key; a corrected row gives one cause a column."""
    found: list[Cause] = []
    for table in dict.fromkeys([*old, *new]):
        before, after = old.get(table, {}), new.get(table, {})
        for key in sorted({*before, *after}):
            if key not in before:
                found.append(Cause(ADDED, table, key))
            elif key not in after:
                found.append(Cause(REMOVED, table, key))
            else:
                found += _corrections(table, key, before[key], after[key])
    return tuple(found)


def _corrections(table: str, key: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Cause]:
    for column in sorted({*before, *after}):
        if before.get(column, "") != after.get(column, ""):
            yield Cause(CORRECTED, table, key, column, before.get(column, ""), after.get(column, ""))


def causes(
    old: FrozenEstimate | None, new: FrozenEstimate | None, before: Frozen, after: Frozen, changes: Iterable[Cause]
) -> tuple[Cause, ...]:
    """What made an estimate come, go or change; ``changes`` are those of :func:`row_changes`."""
    named = [c for c in _declaration(old, new, before, after) if c.column != LIMITS or _pooled_differently(old, new)]
    if any(c.kind in ("declared", "withdrawn") for c in named):
        return tuple(named)
    of_rows = _rows(old, new, before, after, tuple(changes))
    if not named:
        of_rows += _displaced(old, new, before, after, of_rows)
    return (*named, *of_rows)


def _pooled_differently(old: FrozenEstimate | None, new: FrozenEstimate | None) -> bool:
    """Whether one of two states reports a number and the other sets the studies side by side: what limits of pooling can do."""
    return old is None or new is None or (old.estimate is None) != (new.estimate is None)


def _declaration(old: FrozenEstimate | None, new: FrozenEstimate | None, before: Frozen, after: Frozen) -> list[Cause]:
    own = new or old
    assert own is not None
    declared = own.id.split("--")[0]
    was, now = before.estimates.get(declared), after.estimates.get(declared)
    if was is None or now is None:
        return [Cause("declared" if was is None else "withdrawn")]
    return list(changed_settings(was, now, subgroups=own.id != declared))


def changed_settings(was: FrozenEstimate, now: FrozenEstimate, *, subgroups: bool = True) -> Iterator[Cause]:
    """The declared choices that differ; ``subgroups`` leaves in how an estimate is split, which moves its parts alone."""
    for name in dict.fromkeys([*was.settings, *now.settings]):
        one, other = was.settings.get(name), now.settings.get(name)
        if one != other and (subgroups or name != "by"):
            yield Cause("setting", column=name, before=setting_text(one), after=setting_text(other))


def setting_text(value: Any) -> str:
    """A setting in words: ``role=treated, cell_type=bm_msc|ad_msc``."""
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={'|'.join(v) if isinstance(v, list | tuple) else v}" for k, v in value.items())
    return "" if value is None else str(value)


def _rows(
    old: FrozenEstimate | None, new: FrozenEstimate | None, before: Frozen, after: Frozen, changes: tuple[Cause, ...]
) -> list[Cause]:
    """Changes of rows behind the estimate that can have moved it."""
    was, now = _counts(old), _counts(new)
    moved, kept = was ^ now, was & now
    asked = _asked_columns(old, before) | _asked_columns(new, after)
    comparing = any(e is not None and e.kind == "comparison" for e in (old, new))
    moved_arms, moved_studies = _owners(moved, before, after)
    kept_arms, _ = _owners(kept, before, after)

    def counts(change: Cause) -> bool:
        whole = change.kind != CORRECTED
        match change.table:
            case "outcomes":
                return (change.key in moved and (whole or change.column in CHOSEN_BY | asked)) or (
                    change.key in kept and change.column in COUNTED
                )
            case "continuous":  # every column of a score but prose can move it
                return change.key in moved | kept
            case "arms":
                chosen = change.key in moved_arms and not whole and change.column in asked | {"study_id"}
                return chosen or (comparing and change.key in kept_arms and change.column == "role")
            case "studies":
                return change.key in moved_studies and not whole and change.column in asked
        return False

    return [change for change in changes if counts(change)]


def _counts(estimate: FrozenEstimate | None) -> frozenset[str]:
    return estimate.cell_ids if estimate else frozenset()


def _owners(counts: Iterable[str], *sides: Frozen) -> tuple[set[str], set[str]]:
    """The arms and studies of counts, on either side."""
    rows = [side.rows["outcomes"][i] for i in counts for side in sides if i in side.rows.get("outcomes", {})]
    scores = [side.rows["continuous"][i] for i in counts for side in sides if i in side.rows.get("continuous", {})]
    return {row["arm_id"] for row in rows}, {row["study_id"] for row in rows} | {row["reference_id"] for row in scores}


def _asked_columns(estimate: FrozenEstimate | None, side: Frozen) -> frozenset[str]:
    """Columns that the declaration of an estimate, or of the estimate that it is a part of, chooses or splits by."""
    if estimate is None:
        return frozenset()
    parent = side.estimates.get(estimate.parent or "")
    split = [e.settings.get("by") for e in (estimate, parent) if e is not None]
    return frozenset(c.partition(".")[0] if c.startswith("stratum.") else c for c in (*estimate.settings["where"], *split) if c)


def _displaced(
    old: FrozenEstimate | None, new: FrozenEstimate | None, before: Frozen, after: Frozen, named: Iterable[Cause]
) -> list[Cause]:
    """Rows that came in or went out although nothing was changed in them, their arm or their study."""
    explained: set[str] = set()
    owners: set[tuple[str, str]] = set()
    for cause in named:
        if cause.table == "outcomes":
            explained.add(cause.key)
        else:
            owners.add((cause.table, cause.key))
    found = []
    was, now = _counts(old), _counts(new)
    for count in sorted((was ^ now) - explained):
        arms, studies = _owners([count], before, after)
        if not any(("arms", a) in owners for a in arms) and not any(("studies", s) in owners for s in studies):
            found.append(Cause("out" if count in was else "in", "outcomes", count))
    return found


def judging_causes(estimate: FrozenEstimate, before: Frozen, after: Frozen, changes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Why a certainty moved though no number did: corrections of any column of its rows, else rules that differ."""
    counts = estimate.cell_ids
    arms, studies = _owners(counts, before, after)
    behind = {"outcomes": counts, "arms": arms, "studies": studies}
    found = [c for c in changes if c.kind == CORRECTED and c.key in behind.get(c.table, ())]
    return tuple(found or changed_rules(before, after) or program(before, after))


def changed_rules(before: Frozen, after: Frozen) -> list[Cause]:
    """Files that judge and that differ."""
    return [Cause("rule", key=name) for name in RULES if before.made_with.get(name) != after.made_with.get(name)]


def program(before: Frozen, after: Frozen) -> list[Cause]:
    """What computes: the libraries whose version differs, or only that it must have been the program."""
    names = sorted(n for n in {*before.made_with, *after.made_with} if not n.startswith("data/"))
    differ = [n for n in names if before.made_with.get(n) != after.made_with.get(n)]
    return [Cause("program", column=n, before=before.made_with.get(n, ""), after=after.made_with.get(n, "")) for n in differ] or [
        Cause("program")
    ]
