"""What the working tree says today, in the form of a release, guards of the pages included."""

from __future__ import annotations

from cordbook.core.project import Project
from cordbook.publish.sources.page_guards import find_guards
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.estimates.guards import GuardError, judge
from cordbook.review.expected.lookup import AllEstimates
from cordbook.review.reporting.freezing import freeze
from cordbook.review.versions.releases import Frozen, FrozenGuard


def frozen_guards(project: Project, estimates: Estimates) -> tuple[FrozenGuard, ...]:
    """Every guard of the pages, judged by today's estimates; one that cannot be read does not hold."""
    found = []
    for guard in find_guards(project):
        try:
            verdict = judge(guard.condition, AllEstimates(estimates))
        except GuardError:
            found.append(FrozenGuard(guard.page, guard.sentence, guard.condition, False, ()))
            continue
        found.append(FrozenGuard(guard.page, guard.sentence, guard.condition, verdict.holds, verdict.estimate_ids))
    return tuple(found)


def frozen_today(project: Project, estimates: Estimates | None = None) -> Frozen:
    """What the review says today, computed anew unless given."""
    estimates = estimates or load_estimates(project.root)
    return freeze(estimates, frozen_guards(project, estimates))
