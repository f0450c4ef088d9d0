"""What is stale and why, which estimates moved, which guards would break and which wordings turn: all that a build would find, without building."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.core.tracking import Read
from cordbook.evidence import Report, validate
from cordbook.evidence.evidence import Evidence
from cordbook.publish.build.changes import Change, Moved, as_dicts, count_ids_of, data_changes, moved_estimates, primary_keys
from cordbook.publish.build.site import up_to_date
from cordbook.publish.execute.chapters import Staleness, staleness
from cordbook.publish.freshness.records import Today
from cordbook.publish.freshness.snapshot import Snapshot, last_good
from cordbook.publish.sources.page_guards import BrokenGuard, Stored, Turned, broken_guards, find_conditions, turned_wordings
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.reporting.declared_files import declared_problems

#: Reasons of one kind are listed up to here.
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the book against the data; ``declared`` are the problems of declared files, which stop a build."""

    fresh: bool
    built_before: bool
    stale: tuple[tuple[str, tuple[str, ...]], ...]
    changes: tuple[Change, ...]
    moved: tuple[Moved, ...]
    broken: tuple[BrokenGuard, ...]
    turned: tuple[Turned, ...]
    errors: int
    declared: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "fresh": self.fresh,
            "built_before": self.built_before,
            "errors": self.errors,
            "stale": [{"chapter": name, "why": list(why)} for name, why in self.stale],
            "changes": as_dicts(list(self.changes)),
            "estimates": as_dicts(list(self.moved)),
            "broken_guards": [b.to_dict() for b in self.broken],
            "wordings": [t.to_dict() for t in self.turned],
            "declared_problems": list(self.declared),
        }

    def as_text(self) -> str:
        """For a person."""
        if self.errors:
            return f"data/ has {self.errors} error(s), so nothing can be built: cordbook validate"
        blocks = []
        if not self.built_before:
            blocks.append("No good build is known here, so there is nothing to compare the data with.")
        blocks += _block("What stops a build", [text.replace("\n", "\n  ") for text in self.declared])
        blocks += _block("Stale chapters", [f"{_title(name)} is stale: {'; '.join(why)}" for name, why in self.stale])
        blocks += _block("Changes of data/ since the last good build", [c.describe() for c in self.changes])
        blocks += _block("Estimates that move", [m.describe() for m in self.moved])
        blocks += _block("Guards that would break", [b.explain().replace("\n", "\n  ") for b in self.broken])
        blocks += _block("Wordings that change", [t.explain() for t in self.turned])
        if not self.stale:
            blocks.append(
                "The book is up to date." if self.fresh else "No chapter is stale; pages have to be written: cordbook build"
            )
        return "\n\n".join(blocks)

    def as_markdown(self) -> str:
        """For a comment on a pull request."""
        if self.errors:
            return f"**`data/` has {self.errors} error(s).** Nothing can be built; see `cordbook validate`."
        lines = ["### What this change does to the estimates", ""]
        if self.moved:
            lines += ["| estimate | before | after |", "| --- | --- | --- |"]
            lines += [f"| `{m.id}` | {_md(m.before) or '–'} | {_md(m.after) or '–'} |" for m in self.moved]
        else:
            lines.append("No estimate moves.")
        if self.broken:
            lines += ["", f"**{len(self.broken)} sentence(s) would no longer be true:**", ""]
            lines += [f"- {_md(b.guard.place)}: “{_md(b.guard.sentence)}” (`{b.guard.condition}`)" for b in self.broken]
        if self.declared:
            lines += ["", "**Nothing can be built:**", "", *(f"- {_md(' '.join(text.split()))}" for text in self.declared)]
        if self.turned:
            lines += ["", "Wordings that change:", ""]
            lines += [f"- {_md(t.wording.place)}: “{_md(t.text)}” (`{t.wording.condition}`)" for t in self.turned]
        lines += ["", f"{len(self.stale)} chapter(s) to execute; {len(self.changes)} change(s) in `data/`."]
        return "\n".join(lines)


def _md(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _block(title: str, lines: list[str]) -> list[str]:
    return [title + "\n" + "\n".join(f"  {line}" for line in lines)] if lines else []


def _title(name: str) -> str:
    return name.removeprefix("book/").removesuffix(".ipynb")


def status(project: Project, last: Snapshot | None = None) -> Status:
    """The state of the book; ``last`` replaces the last good build to compare with."""
    report: Report = validate(project.data)
    if report.errors:
        return Status(False, False, (), (), (), (), (), report.errors)
    estimates = load_estimates(project.root, store_of(project))
    today = Today(project, estimates)
    last = last or last_good(project)
    changes = data_changes(project, last, primary_keys(estimates)) if last else []
    moved = moved_estimates(estimates, last) if last else []
    before = Stored(last.estimates, last.files) if last else None
    stale = tuple((s.name, _why(s, today, changes, last)) for s in staleness(project, today) if s)
    conditions, known = find_conditions(project), AllEstimates(estimates)
    broken = tuple(broken_guards(conditions, known, before))
    turned = tuple(turned_wordings(conditions, known, before))
    fresh = up_to_date(project) is not None
    store_of(project).trim()
    return Status(fresh, last is not None, stale, tuple(changes), tuple(moved), broken, turned, 0, declared_problems(estimates))


def _why(stale: Staleness, today: Today, changes: list[Change], last: Snapshot | None) -> tuple[str, ...]:
    """The reasons in words: rows where rows tell it, else what was read."""
    if stale.why:
        return (stale.why,)
    found: dict[str, None] = {}
    code = [read[1] for read in stale.changed if read[0] == "code"]
    for read in stale.changed:
        if read[0] != "code":
            # What a read reaches is asked once: after an update there are thousands of changes, and hundreds of reads a chapter.
            files, keys = _reach(read, today, last)
            rows = [c.describe() for c in changes if c.file in files or c.key in keys]
            found |= dict.fromkeys(rows or [_read_in_words(read)])
    reasons = list(found)
    if len(reasons) > _LISTED:
        reasons = [*reasons[:_LISTED], f"and {len(reasons) - _LISTED} more"]
    if code:
        more = f" and {len(code) - _LISTED} more" if len(code) > _LISTED else ""
        reasons.append(f"the package changed: {', '.join(code[:_LISTED])}{more}")
    return tuple(reasons)


def _reach(read: Read, today: Today, last: Snapshot | None) -> tuple[frozenset[str], frozenset[str]]:
    """Files and keys of rows whose change can be why a read has changed."""
    evidence = today.estimates.evidence
    match read:
        case ("table", name):
            return frozenset({_file_of(evidence, name)}), frozenset()
        case ("count", cell_id):
            return frozenset(), _row_and_above(evidence, [cell_id])
        case ("counts",) | ("counts_in", _, _):
            return _OF_COUNTS, frozenset()
        case ("estimate", estimate_id):
            return frozenset(), _behind(estimate_id, today, last)
        case ("estimates",):
            return _OF_COUNTS | {"syntheses.yml"}, frozenset()
        case ("file", path):
            return frozenset({path.removeprefix("data/")}), frozenset()
    return frozenset(), frozenset()


#: The files whose rows an outcome count is joined of.
_OF_COUNTS = frozenset({"outcomes.csv", "arms.csv", "studies.csv", "references.csv"})


def _file_of(evidence: Evidence, name: str) -> str:
    return next((t.path for t in evidence.package.tables if t.name == name), "")


def _behind(estimate_id: str, today: Today, last: Snapshot | None) -> frozenset[str]:
    """Keys of rows behind an estimate, today's and those of the last good build."""
    try:
        counts = count_ids_of(today.estimates[estimate_id])
    except KeyError:
        counts = set()
    for entry in last.estimates if last else ():
        if entry["id"] == estimate_id:
            counts |= count_ids_of(entry)
    return _row_and_above(today.estimates.evidence, counts)


def _row_and_above(evidence: Evidence, cell_ids: Iterable[str]) -> frozenset[str]:
    """Keys of counts with those of their arms, studies and references."""
    keys = set(cell_ids)
    counts = evidence.counts
    rows = counts[counts["cell_id"].isin(keys)]
    return frozenset(keys | set(rows["arm_id"]) | set(rows["study_id"]))


def _read_in_words(read: Read) -> str:
    match read:
        case ("environment",):
            return "the locked environment changed"
        case ("file", path):
            return f"{path} changed"
        case ("folder", path):
            return f"files came to or went from {path}"
        case ("estimate", estimate_id) | ("parts", estimate_id):
            return f"estimate {estimate_id} changed"
        case ("estimates",):
            return "an estimate changed"
        case ("value" | "value_of_estimates", name, *arguments):
            return f"{name.rpartition(':')[2].replace('_', ' ')} changed" + (f" ({', '.join(arguments)})" if arguments else "")
        case ("table", name):
            return f"table {name} changed"
    return f"{' '.join(read)} changed"
