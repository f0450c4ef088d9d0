"""Propose the next version for who releases: what today's review says beside the last release, and the step that follows.

Nothing is built, written or tried; estimates that were computed before are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from cordbook.core.project import Project
from cordbook.core.store import Store, store_of
from cordbook.evidence import validate
from cordbook.evidence.review_state import format_value
from cordbook.publish.release.frozen_today import frozen_today
from cordbook.publish.release.manifest import PROTOCOL, digest_of
from cordbook.publish.sources.page_guards import broken_guards, find_conditions
from cordbook.review.estimates.declarations import DeclarationError
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.estimates.selection import SelectionError
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.versions.diff import Comparison, compare
from cordbook.review.versions.releases import Frozen, Release, Version, list_releases, read_release
from cordbook.review.versions.steps import Step, proposed, required_step


@dataclass(frozen=True, slots=True)
class Findings:
    """The state of the review that is to be released, beside the last release."""

    estimates: Estimates
    now: Frozen
    last: Release | None
    comparison: Comparison | None
    step: Step


@dataclass(frozen=True, slots=True)
class Proposal:
    """The next version: None where the data cannot be read; ``obstacles`` are what has to be mended before it can be released."""

    last: Release | None
    version: Version | None
    step: Step | None
    obstacles: tuple[str, ...]

    def describe(self) -> str:
        """The proposal for a person: version, step, reasons, obstacles."""
        lines = []
        if self.version is not None and self.step is not None:
            after = f" after {self.last.version} of {format_value(self.last.date)}" if self.last else ""
            lines = [f"{self.version}: a {self.step.name} step{after}" if after else f"{self.version}: the first release"]
            lines += [f"  - {reason}" for reason in self.step.reasons]
        if self.obstacles:
            lines += [
                "Before it can be released:",
                *(f"  - {text.replace(chr(10), chr(10) + '    ')}" for text in self.obstacles),
            ]
        return "\n".join([*lines, "Nothing was built or written."])


def propose(project: Project, *, protocol_same: bool = False) -> Proposal:
    """The smallest version that today's review may be released as, and why."""
    found, obstacles = findings_of(project, protocol_same=protocol_same, store=store_of(project))
    if found is None:
        return Proposal(None, None, None, obstacles)
    last = found.last.version if found.last else None
    return Proposal(found.last, proposed(last, found.step.name), found.step, obstacles)


def findings_of(
    project: Project, *, protocol_same: bool = False, store: Store | None = None
) -> tuple[Findings | None, tuple[str, ...]]:
    """Today's review beside the last release, or why it cannot be computed; broken guards are reasons too.

    ``store`` takes estimates that were computed before; a release computes all of them anew.
    """
    found = validate(project.data)
    if found.errors:
        return None, (f"data/ breaks {found.errors} rule(s): cordbook validate",)
    try:
        estimates = load_estimates(project.root, store)
        broken = broken_guards(find_conditions(project), AllEstimates(estimates))
        now = frozen_today(project, estimates)
    except (DeclarationError, SelectionError) as error:
        return None, (str(error),)
    there = list_releases(project.root)
    last = read_release(project.root, there[-1]) if there else None
    comparison = compare(last, now) if last else None
    protocol = bool(last) and not protocol_same and _protocol_differs(project, last)
    step = (
        required_step(comparison, protocol_changed=protocol) if comparison else Step("first", ("no version was released before",))
    )
    return Findings(estimates, now, last, comparison, step), tuple(b.explain() for b in broken)


def _protocol_differs(project: Project, last: Release) -> bool:
    path = project.root / PROTOCOL
    return path.is_file() and last.manifest.chapters.get(PROTOCOL) not in (None, digest_of(project.root, PROTOCOL))
