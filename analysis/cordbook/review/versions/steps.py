"""Semantic versioning for reviews: which number of the version a change raises, by its consequences.

major   the question, who and what is eligible, or the method has changed: a declared synthesis was withdrawn or set otherwise,
        the protocol was rewritten, or a number moved although no row behind it did
minor   evidence came or went, a synthesis was added, or a conclusion is no longer what it was
patch   a correction that moves no conclusion

Below 1.0.0, as long as the review is in its making, a major step raises the second number too (Semantic Versioning 2.0.0, item 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cordbook.review.versions.causes import ADDED, REMOVED
from cordbook.review.versions.diff import Comparison
from cordbook.review.versions.releases import Version

MAJOR, MINOR, PATCH = "major", "minor", "patch"
STEPS = (PATCH, MINOR, MAJOR)
FIRST = Version(0, 1, 0)
#: Reasons of one kind are listed up to here.
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Step:
    """The smallest step that a change allows, and why in sentences."""

    name: str
    reasons: tuple[str, ...]


def required_step(comparison: Comparison, *, protocol_changed: bool = False) -> Step:
    """The smallest step for what has changed since the last release."""
    for name, found in (
        (MAJOR, list(_major(comparison, protocol_changed))),
        (MINOR, list(_minor(comparison))),
    ):
        if found:
            return Step(name, (*found, *_edited(comparison)))
    return Step(PATCH, ("no row came or went and no conclusion changed", *_edited(comparison)))


def _edited(comparison: Comparison) -> Iterator[str]:
    """What a reader of the reasons must know beside them: sentences that stand because their bounds were edited."""
    yield from (c.describe() for c in comparison.bounds[:_LISTED])
    if (more := len(comparison.bounds) - _LISTED) > 0:
        yield f"and the bounds of {more} more sentences edited"


def _major(comparison: Comparison, protocol_changed: bool) -> Iterator[str]:
    if protocol_changed:
        yield "the protocol was changed"
    withdrawn = [c.id for c in comparison.changes if any(w.kind == "withdrawn" for w in c.causes)]
    set_otherwise = [c.id for c in comparison.changes if any(w.kind == "setting" for w in c.causes)]
    computed = [c.id for c in comparison.changes if any(w.kind in ("program", "rule") for w in c.causes)]
    if withdrawn:
        yield f"no longer declared: {listed(withdrawn)}"
    if set_otherwise:
        yield f"declared otherwise: {listed(set_otherwise)}"
    if computed:
        yield f"moved by the program or by a rule, not by evidence: {listed(computed)}"


def _minor(comparison: Comparison) -> Iterator[str]:
    for kind in (ADDED, REMOVED):
        rows = [c for c in comparison.rows if c.kind == kind]
        if rows:
            yield f"rows {kind}: {', '.join(f'{n} of {table}' for table, n in counted([c.table for c in rows]))}"
    if new := [c.id for c in comparison.changes if any(w.kind == "declared" for w in c.causes)]:
        yield f"declared for the first time: {listed(new)}"
    if comparison.conclusions:
        yield f"conclusions changed: {listed([c.describe() for c in comparison.conclusions])}"


def counted(names: Sequence[str]) -> list[tuple[str, int]]:
    """Names with how often each stands there, in the order of their first."""
    return [(name, names.count(name)) for name in dict.fromkeys(names)]


def listed(names: Sequence[str]) -> str:
    """The first few of many, and how many more."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def step_between(last: Version, wanted: Version) -> str:
    """The step from one version to a later one.

    >>> step_between(Version(0, 1, 0), Version(0, 2, 0)), step_between(Version(0, 1, 0), Version(0, 1, 4))
    ('minor', 'patch')
    """
    if wanted.major != last.major:
        return MAJOR
    return MINOR if wanted.minor != last.minor else PATCH


def proposed(last: Version | None, step: str) -> Version:
    """The next version for a step.

    >>> str(proposed(Version(0, 1, 4), "minor")), str(proposed(None, "patch"))
    ('0.2.0', '0.1.0')
    >>> str(proposed(Version(0, 1, 4), "major")), str(proposed(Version(1, 1, 4), "major"))
    ('0.2.0', '2.0.0')
    """
    if last is None:
        return FIRST
    if step == MAJOR and last.major:
        return Version(last.major + 1, 0, 0)
    return Version(last.major, last.minor + 1, 0) if step != PATCH else Version(last.major, last.minor, last.patch + 1)


def too_small(last: Version, wanted: Version, step: str) -> bool:
    """Whether a version does not rise by as much as the change asks for.

    >>> too_small(Version(0, 1, 0), Version(0, 2, 0), "major"), too_small(Version(1, 1, 0), Version(1, 2, 0), "major")
    (False, True)
    """
    if not last.major and step_between(last, wanted) != PATCH:
        return False
    return STEPS.index(step_between(last, wanted)) < STEPS.index(step)
