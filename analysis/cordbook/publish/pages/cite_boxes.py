"""What cites the book that is being built: its edition, and the box of any estimate."""

from __future__ import annotations

from pathlib import Path

from cordbook.display.html.cite_box import cite_box
from cordbook.evidence.review_state import load_status
from cordbook.publish.pages.estimate_pages import Box
from cordbook.review.citation.citations import cite_estimate
from cordbook.review.citation.edition import Edition, edition_of_tree


def edition_of(root: Path) -> Edition:
    """The edition that the book of a project folder is."""
    return edition_of_tree(root)


def estimate_box(root: Path) -> Box:
    """What makes the box of any estimate in the book of a project folder."""
    edition, report_to = edition_of(root), load_status(root / "data").report_to
    return lambda e: cite_box(cite_estimate(e, edition), report_to)
