"""Building the book: validate, compute, judge, execute what is stale, write HTML, check it, and only then publish it."""

from __future__ import annotations

import gc
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cordbook.core.locks import locked
from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.core.swap import clean_up, publish
from cordbook.core.versions import look_again
from cordbook.errors import CordbookError
from cordbook.publish.build.site import (
    NOT_PUBLISHED,
    Pages,
    PagesFailed,
    load_sphinx,
    stamp,
    up_to_date,
    work_folder,
    write_pages,
)
from cordbook.publish.freshness.inputs import edited_digest

#: Who keeps saving while the book is built gets it in the end or is told.
ATTEMPTS = 3
#: Thresholds of the garbage collector while a book is built.
COLLECT = (100_000, 20, 50)


class BuildFailed(CordbookError):
    """The book could not be built; the message says why and what to do. The last good book is still in its place."""


@dataclass(frozen=True, slots=True)
class Built:
    """What a build made: the first page, what the book holds, and what had to be done for it."""

    index: Path
    studies: int
    counts: int
    estimates: int
    executed: tuple[str, ...]
    pages: int
    broken_guards: int
    seconds: float
    unchanged: bool = False


def build(
    project: Project, *, report: Callable[[str], None] = print, force: bool = False, allow_broken_guards: bool = False
) -> Built:
    """Build the book into ``_build/html``.

    Raises :class:`BuildFailed`, ``ChapterFailed``, ``DeclarationError``, ``SelectionError`` or ``Unreadable``; whatever
    happens, ``_build/html`` holds the last good book, whole.
    """
    start = time.perf_counter()
    with locked(project.cache, report), _few_collections():
        clean_up(project.site.parent)
        look_again()
        if not force and (summary := up_to_date(project)) and bool(summary["broken_guards"]) <= allow_broken_guards:
            return Built(
                project.site / "index.html", **summary, executed=(), pages=0, seconds=time.perf_counter() - start, unchanged=True
            )
        for _ in range(ATTEMPTS):
            before = edited_digest(project)
            result = _attempt(project, report, force, allow_broken_guards)
            if edited_digest(project) == before:
                return _publish(project, *result, start)
            report("files have changed while the book was built; again with what they hold now")
        raise BuildFailed("data/ or the pages kept changing while the book was built; build again when they rest")


@contextmanager
def _few_collections() -> Iterator[None]:
    """Look for garbage seldom: a build makes millions of objects that stay, and a fifth of its time would go into looking.

    Nor at the end of the build or of the process, where all of it goes at once; the next build looks at what is left.
    """
    before = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(*COLLECT)
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(*before)


def _attempt(project: Project, report: Callable[[str], None], force: bool, allow: bool) -> tuple[Any, Pages, list[Path], int]:
    from cordbook.publish.execute.chapters import refresh
    from cordbook.publish.freshness.records import Today
    from cordbook.publish.pages.forked_work import in_background, write_made_pages
    from cordbook.review.estimates.estimates import load_estimates

    report("validating data/")
    _validated(project)
    report("computing estimates")
    store = store_of(project)
    store.report = report
    today = Today(project, load_estimates(project.root, store))
    count = len(today.estimates)
    broken = _judged(project, today, allow)
    report(f"{count} estimates; executing chapters that are stale")
    with in_background(lambda: write_made_pages(project, today.estimates)) as pages_made:
        executed = refresh(project, report=report, force=force, today=today, store=store, meanwhile=load_sphinx)
        report("writing pages" if executed else "no chapter is stale; writing pages")
        made = pages_made()
    try:
        pages = write_pages(project, today, allow_broken_guards=allow, pages_made=made)
    except PagesFailed as error:
        raise BuildFailed(str(error)) from error
    _revalidated(project, today, pages)
    return today, pages, executed, broken


def _validated(project: Project) -> None:
    from cordbook.evidence.problems import as_text
    from cordbook.review.reporting.declared_files import validate_all

    found = validate_all(project.data)
    if found.errors:
        errors = as_text(problem for problem in found.problems if problem.severity == "error")
        raise BuildFailed(f"data/ breaks its rules, so nothing was built.\n\n{errors}{_number(found.errors)}")


def _number(errors: int) -> str:
    return f"{errors} error{'' if errors == 1 else 's'}"


def _judged(project: Project, today: Any, allow: bool) -> int:
    """Judge all that chapters would stumble over, before the first of them runs; returns how many guards are broken."""
    from cordbook.publish.freshness.snapshot import last_good
    from cordbook.publish.sources.page_guards import Stored, broken_guards, explain_all, find_conditions, left_out_guards
    from cordbook.review.expected.lookup import AllEstimates
    from cordbook.review.reporting.declared_files import declared_problems, explain_declared

    problems = declared_problems(today.estimates)
    conditions, known = find_conditions(project), AllEstimates(today.estimates)
    broken = broken_guards(conditions, known)
    if broken:
        last = last_good(project)
        broken = broken_guards(conditions, known, Stored(last.estimates, last.files) if last else None)
    reasons = [explain_declared(problems)] if problems else []
    if any(b.problem for b in broken) or (broken and not allow):
        reasons.append(explain_all(broken))
    if reasons:
        raise BuildFailed("\n\n".join(reasons))
    for warning in left_out_guards(conditions, known):
        print(warning, file=sys.stderr)
    return len(broken)


def _revalidated(project: Project, today: Any, pages: Pages) -> None:
    """The pages just written say what the estimates say, and none is missing."""
    from cordbook.publish.build.written import unread_marks, wrong_numbers

    html = work_folder(project) / "html"
    missing = [name for name in pages.listed if not (html / f"{name}.html").is_file()]
    written = [name for name in pages.written if name in pages.listed]
    wrong = wrong_numbers(html, today.estimates, written) + unread_marks(html, written)
    if missing or wrong:
        problems = [f"{name}.html was not written" for name in missing] + wrong
        shutil.rmtree(work_folder(project), ignore_errors=True)
        raise BuildFailed("the pages are not what they should be, so they were not published:\n  " + "\n  ".join(problems))


def _publish(project: Project, today: Any, pages: Pages, executed: list[Path], broken: int, start: float) -> Built:
    from cordbook.publish.execute.chapters import recorded_files
    from cordbook.publish.freshness.snapshot import take

    if pages.warnings.strip():
        print(pages.warnings.rstrip(), file=sys.stderr)
    # What plain `jupyter-book build` keeps of its last run would be ahead of the site that is put in place here.
    shutil.rmtree(project.root / "_build" / ".doctrees", ignore_errors=True)
    publish(work_folder(project) / "html", project.site, leave_out=NOT_PUBLISHED)
    evidence = today.estimates.evidence
    summary = {
        "studies": len(evidence["studies"]) if "studies" in evidence.tables else 0,
        "counts": len(evidence["outcomes"]) if "outcomes" in evidence.tables else 0,
        "estimates": len(today.estimates),
        "broken_guards": broken,
    }
    take(project, today.estimates)
    stamp(project, {*pages.depends, *recorded_files(project)}, summary)
    store_of(project).trim()
    names = tuple(path.relative_to(project.root).as_posix() for path in executed)
    written = len([name for name in pages.written if name in pages.listed])
    index = project.site / "index.html"
    return Built(index, **summary, executed=names, pages=written, seconds=time.perf_counter() - start)
