"""The written pages read again: every number on them is one that the estimates give today."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path

from cordbook.review.appraisal.estimate_text import all_forms
from cordbook.review.estimates.estimates import Estimates

_NUMBER = re.compile(
    r'<a (?=[^>]*\bcb-number-link\b)[^>]*href="[^"#]*\bestimates/(?P<id>[^"#/]+)\.html"[^>]*>(?P<text>.*?)</a>', re.S
)
_TAG = re.compile(r"<[^>]+>")


def wrong_numbers(html: Path, estimates: Estimates, names: Iterable[str]) -> list[str]:
    """Numbers in the prose of some pages that are not a form of their estimate today, in words."""
    allowed: dict[str, set[str]] = {}
    wrong = []
    for name in sorted(names):
        text = (html / f"{name}.html").read_text(encoding="utf-8")
        for estimate_id, shown in numbers_of(text):
            if estimate_id not in allowed:
                allowed[estimate_id] = _forms(estimates, estimate_id)
            if shown not in allowed[estimate_id]:
                wrong.append(f"{name}: {shown!r} is not what {estimate_id} says today")
    return wrong


def numbers_of(text: str) -> list[tuple[str, str]]:
    """Ids and texts of the numbers in a page that link to their estimate."""
    return [(m["id"], " ".join(unescape(_TAG.sub("", m["text"])).split())) for m in _NUMBER.finditer(text)]


def _forms(estimates: Estimates, estimate_id: str) -> set[str]:
    try:
        return all_forms(estimates, estimate_id)
    except KeyError:
        return set()
