"""Revalidation of the whole book: what is stored and shown is what a clean run gives today."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import nbformat

from cordbook.core.project import Project
from cordbook.evidence import validate
from cordbook.publish.build.written import wrong_numbers
from cordbook.publish.execute.chapters import chapters, execute, pages
from cordbook.publish.sources.page_guards import broken_guards, find_conditions
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.estimates.phrases import phrase
from cordbook.review.expected.lookup import AllEstimates

ESTIMATES_PAGE = "book/methods/estimates"
_LABEL = re.compile(r'aria-label="([^"]*)"')
_ROW = re.compile(r'<tr id="(?P<id>[a-z0-9-]+)">(?P<cells>.*?)</tr>', re.S)
_TAG = re.compile(r"<[^>]+>")


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, and every problem in words."""

    chapters: int
    guards: int
    estimates: int
    pages: int
    problems: tuple[str, ...]


def check(project: Project, *, report: Callable[[str], None] = print, rerun: bool = True) -> Checked:
    """Check data, guards, stored outputs and the built site; every number is computed anew, nothing is taken from a cache.

    ``rerun=False`` leaves out the execution of the chapters.
    """
    report("validating data/")
    found = validate(project.data)
    if found.errors:
        return Checked(0, 0, 0, 0, (f"data/ has {found.errors} error(s): cordbook validate",))
    report("computing estimates and judging guards")
    estimates = load_estimates(project.root)
    conditions = find_conditions(project)
    problems = [b.explain() for b in broken_guards(conditions, AllEstimates(estimates))]
    listed = chapters(project)
    if rerun:
        report(f"executing {len(listed)} chapters")
        problems += _other_outputs(project, listed, report)
    report("reading the built pages")
    problems += _site_problems(project, estimates, listed)
    return Checked(
        len(listed) if rerun else 0,
        sum(c.otherwise is None for c in conditions),
        len(estimates),
        len(pages(project)),
        tuple(problems),
    )


def _other_outputs(project: Project, listed: list[Path], report: Callable[[str], None]) -> Iterator[str]:
    for done, (path, result) in enumerate(execute(project, listed), start=1):
        name = path.relative_to(project.root).as_posix()
        report(f"  [{done}/{len(listed)}] {name}")
        if result.error:
            yield f"{name} fails: {result.error}"
        elif result.text != result.before:
            yield f"{name}: {_difference(result.before, result.text)}; cordbook build executes it again"


def _difference(stored: str, clean: str) -> str:
    cells = zip(nbformat.reads(stored, as_version=4).cells, nbformat.reads(clean, as_version=4).cells, strict=True)
    other = [a.get("id", "?") for a, b in cells if a.get("outputs") != b.get("outputs")]
    return (
        f"stored outputs of {', '.join(other)} are not those of a clean run"
        if other
        else "it is not stored as a clean run stores it"
    )


def _site_problems(project: Project, estimates: Estimates, listed: list[Path]) -> Iterator[str]:
    names = [path.relative_to(project.root).with_suffix("").as_posix() for path in pages(project)]
    missing = [name for name in names if not (project.site / f"{name}.html").is_file()]
    if missing:
        yield f"no built page for {', '.join(missing)}: cordbook build"
        return
    built = sorted(
        p.relative_to(project.site).with_suffix("").as_posix() for p in project.site.rglob("*.html") if "_static" not in p.parts
    )
    yield from wrong_numbers(project.site, estimates, built)
    yield from _alternative_texts(project, listed)
    if ESTIMATES_PAGE in names:
        yield from _estimates_table(project.site / f"{ESTIMATES_PAGE}.html", estimates)


def _alternative_texts(project: Project, listed: list[Path]) -> Iterator[str]:
    """Figures and tables on a page carry the words that their chapter gave them."""
    for path in listed:
        name = path.relative_to(project.root).with_suffix("").as_posix()
        shown = {unescape(label) for label in _LABEL.findall((project.site / f"{name}.html").read_text(encoding="utf-8"))}
        for label in _labels_of(path):
            if label not in shown:
                yield f"{name}: the page does not say {label[:80]!r}, which its chapter says today: cordbook build"


def _labels_of(path: Path) -> Iterator[str]:
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            text = output.get("data", {}).get("text/html", "")
            yield from (unescape(label) for label in _LABEL.findall(text if isinstance(text, str) else "".join(text)))


def _estimates_table(page: Path, estimates: Estimates) -> Iterator[str]:
    """Every row of the table of estimates holds today's counts and result."""
    rows = {m["id"]: unescape(_TAG.sub(" ", m["cells"])) for m in _ROW.finditer(page.read_text(encoding="utf-8"))}
    for estimate in estimates:
        if estimate.id not in rows:
            yield f"{ESTIMATES_PAGE}: no row for {estimate.id}: cordbook build"
            continue
        wanted = [phrase(estimate, "of"), *([phrase(estimate, "point")] if estimate.is_reported else [])]
        for text in wanted:
            if text not in rows[estimate.id]:
                yield f"{ESTIMATES_PAGE}: the row of {estimate.id} does not say {text}: cordbook build"
