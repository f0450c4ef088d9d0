"""Work in a process of its own while the builder goes on: the pages of studies, estimates and functions, which wait for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cordbook.core.project import Project
from cordbook.review.estimates.estimates import Estimates

#: A forked process that shows no end in this time will have none: what another thread had locked stays locked in it.
PATIENCE_S = 600.0


def write_made_pages(project: Project, estimates: Estimates) -> None:
    """Write the sources of the pages that no person writes, those of studies, estimates and functions; unchanged files are not touched."""
    from cordbook.publish.pages.cite_boxes import estimate_box
    from cordbook.publish.pages.estimate_pages import write_estimate_pages
    from cordbook.publish.pages.reference_pages import write_reference_pages
    from cordbook.publish.pages.study_pages import write_study_pages

    write_study_pages(project, estimates)
    write_estimate_pages(project, estimates, estimate_box(project.root))
    write_reference_pages(project)


def _succeeds(forked: Any) -> bool:
    try:
        return forked.wait(PATIENCE_S) == 0
    except TimeoutError:
        return False


@contextmanager
def in_background(work: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Begin some work in a forked process; yields what waits for its end and says whether it was done.

    False means that the builder has to do it: the work failed (there it fails again, and is told), or this system cannot
    fork. On leaving, the process is ended. It must be entered before threads and event loops exist.
    """
    from cordbook.publish.execute.forked_kernels import ForkedWork, can_fork

    forked = ForkedWork(work) if can_fork() else None
    try:
        yield lambda: forked is not None and _succeeds(forked)
    finally:
        if forked is not None:
            forked.kill()
            forked.wait()
