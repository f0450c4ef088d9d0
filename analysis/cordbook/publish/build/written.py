"""The written pages read again: every number on them is one that the estimates give today."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from cordbook.display.html.finished import plain_text
from cordbook.review.appraisal.estimate_text import all_forms
from cordbook.review.estimates.dependence import without_study
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.phrases import EARLY, phrase

_NUMBER = re.compile(
    r'<a (?=[^>]*\bcb-number-link\b)[^>]*href="[^"#]*\bestimates/(?P<id>[^"#/]+)\.html"[^>]*>(?P<text>.*?)</a>', re.S
)


def wrong_numbers(html: Path, estimates: Estimates, names: Iterable[str]) -> list[str]:
    """Numbers in the prose of some pages that are not a form of their estimate today, in words."""
    allowed: dict[str, set[str]] = {}
    wrong = []
    for name in sorted(names):
        text = (html / f"{name}.html").read_text(encoding="utf-8")
        for estimate_id, shown in numbers_of(text):
            if estimate_id not in allowed:
                allowed[estimate_id] = _forms(estimates, estimate_id)
            if shown not in allowed[estimate_id] and shown not in _without_one_study(estimates, estimate_id, allowed):
                wrong.append(f"{name}: {shown!r} is not what {estimate_id} says today")
    return wrong


def _without_one_study(estimates: Estimates, estimate_id: str, allowed: dict[str, set[str]]) -> set[str]:
    """The estimate without each of its studies in turn, and of its first ones: asked only where a page says something else of it."""
    key = f"{estimate_id} without"
    if key not in allowed:
        try:
            known = estimates[estimate_id]
        except KeyError:
            return allowed.setdefault(key, set())
        allowed[key] = {phrase(without_study(known, study)) for study in known.study_ids} | {phrase(known, EARLY)}
    return allowed[key]


#: What a role or directive that cannot be read leaves on a page.
_PROBLEM = re.compile(r'class="problematic"[^>]*>(?P<text>.*?)</', re.S)


def unread_marks(html: Path, names: Iterable[str]) -> list[str]:
    """Roles and directives of some pages that could not be read, in words; the build has said why."""
    found = []
    for name in sorted(names):
        text = (html / f"{name}.html").read_text(encoding="utf-8")
        found += [f"{name}: {plain_text(m['text'])} could not be read" for m in _PROBLEM.finditer(text)]
    return found


def numbers_of(text: str) -> list[tuple[str, str]]:
    """Ids and texts of the numbers in a page that link to their estimate."""
    return [(m["id"], plain_text(m["text"])) for m in _NUMBER.finditer(text)]


def _forms(estimates: Estimates, estimate_id: str) -> set[str]:
    try:
        return all_forms(estimates, estimate_id)
    except KeyError:
        return set()
