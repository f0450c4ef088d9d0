"""What the page of changes shows: where this version stands, what changed with it, what has changed since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from cordbook.core.text import capital
from cordbook.display.figures.release_plot import ChangesTable, history_figure
from cordbook.display.html.markup import element, join
from cordbook.display.tables.back_matter import Block, paragraph
from cordbook.evidence.review_state import format_value
from cordbook.review.appraisal.main_results import main_results
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.estimates.row_counts import date_of_data
from cordbook.review.reporting.freezing import freeze
from cordbook.review.versions.causes import ADDED
from cordbook.review.versions.diff import Comparison, compare
from cordbook.review.versions.history import history, read_all
from cordbook.review.versions.plain import change_in_plain_words, unchanged_in_plain_words
from cordbook.review.versions.releases import Release
from cordbook.review.versions.words import evidence_lines

#: Figures of single numbers are drawn for at most so many estimates.
_DRAWN = 6
#: New study reports that are named one by one.
MOST_NAMED = 200


@dataclass(frozen=True)
class ReleasePages:
    """The page of changes, from ``releases/`` and from what the review says today."""

    estimates: Estimates

    @cached_property
    def _released(self) -> tuple[Release, ...]:
        return read_all(self.estimates.evidence.folder.parent)

    @cached_property
    def _latest(self) -> Comparison | None:
        """What the last release changed, where there was one before it."""
        return compare(self._released[-2], self._released[-1]) if len(self._released) > 1 else None

    @property
    def _labels(self) -> dict[str, str]:
        return self.estimates.evidence.study_labels

    def standing(self) -> Block:
        """Which version was released last, when, and how many there are."""
        if not self._released:
            return paragraph("No version has been released yet. Until then everything on these pages may still change.")
        last = self._released[-1]
        text = f"Version {last.version} was released on {format_value(last.date)}."
        if len(self._released) == 1:
            return paragraph(f"{text} It is the first one.")
        return paragraph(f"{text} It is the {_ordinal(len(self._released))}; {self._released[-2].version} came before it.")

    @cached_property
    def _unreleased(self) -> Comparison | None:
        """What has changed since the last release; None where there is none, or nothing has."""
        found = compare(self._released[-1], freeze(self.estimates)) if self._released else None
        return None if found is None or found.is_empty else found

    def main_results(self) -> Block:
        """Each main result of the review before and after the newest change of the book, and why, in plain words."""
        found = self._unreleased or self._latest
        if found is None:
            return paragraph("There is no earlier version to compare the main results with.")
        since = self._released[-1 if found is self._unreleased else -2].version
        changes = {change.id: change for change in found.changes}
        lines = [
            change_in_plain_words(changes[i], self._labels) if i in changes else unchanged_in_plain_words(self.estimates[i].title)
            for i in main_results(self.estimates)
        ]
        head = f"The main results, beside those of version {since}:"
        return Block(join(element("p", head), element("ul", *(element("li", line) for line in lines))), "\n".join([head, *lines]))

    def changes(self) -> Block:
        """All of it: what the last release changed, some numbers through all versions, and what has changed since."""
        blocks = [b for b in (self.results(), self.histories(), self.unreleased()) if b.html]
        return Block("\n".join(b.html for b in blocks), "\n".join(b.text for b in blocks))

    def results(self) -> Block:
        """What the last release changed, estimate by estimate; for the first one, that there is nothing to compare."""
        if self._latest is None and self._unreleased is not None:
            return Block("", "")  # what has changed since the first version says it
        if self._latest is None:
            return paragraph(
                "There is no earlier version, so no result can have changed yet. From the second version on, every estimate "
                "that moved stands here with its old and its new value, whether a conclusion changed, and why."
            )
        before, after = self._released[-2], self._released[-1]
        caption = f"What changed from version {before.version} to {after.version}"
        return _comparison(self._latest, caption, f"changes-{after.version}", self._labels)

    def unreleased(self) -> Block:
        """What differs from the last release in this copy of the book; nothing where it is that release."""
        found = self._unreleased
        if found is None:
            return Block("", "")
        last = self._released[-1]
        head = paragraph(
            f"This copy of the book is ahead of version {last.version}; its data are of {date_of_data(self.estimates.evidence)}. "
            "What follows is in no version yet, so do not cite it."
        )
        table = _comparison(found, f"What has changed since version {last.version}", "changes-unreleased", self._labels)
        return Block(join(element("div", head.html, class_="cb-notice"), table.html), f"{head.text}\n{table.text}")

    def histories(self) -> Block:
        """Through all versions, the numbers that the last release moved most; nothing while there is one version."""
        if self._latest is None:
            return Block("", "")
        whole = [c for c in self._latest.changes if "--" not in c.id and c.change is not None and c.after is not None]
        ranked = sorted(whole, key=lambda c: (not c.conclusions, -abs(c.change or 0.0)))
        # One figure where several estimates hold the same rows and only differ in how they are split.
        distinct = {c.after.rows_sha256: c for c in reversed(ranked) if c.after is not None}
        drawn = [c for c in ranked if c in distinct.values()][:_DRAWN]
        states = [(str(r.version), r.date, r) for r in self._released]
        figures = [history_figure(history(states, change.id)) for change in drawn]
        return Block("\n".join(f.to_html() for f in figures), "\n".join(f.alt for f in figures))


def _comparison(found: Comparison, caption: str, table_id: str, labels: Mapping[str, str]) -> Block:
    new = sorted(labels.get(c.key, c.key) for c in found.rows if c.kind == ADDED and c.table == "studies")
    rows = "; ".join(evidence_lines(found.rows))
    more = f" and {len(new) - MOST_NAMED:,} more" if len(new) > MOST_NAMED else ""
    named = f"{', '.join(new[:MOST_NAMED])}{more}."
    lines = [
        *found.retraction_lines(labels),
        *([f"{capital(rows)}."] if rows else []),
    ]
    message = f"{len(found.changes)} estimates differ. " if len(found.changes) != 1 else "One estimate differs. "
    changed = len(found.conclusions)
    message += (
        "No conclusion changed."
        if not changed
        else "One conclusion changed."
        if changed == 1
        else f"{changed} conclusions changed."
    )
    html, text = [element("p", line) for line in (*lines, message)], [*lines, message]
    if new:
        head = f"New study reports ({len(new):,})"
        html.append(element("details", element("summary", head), element("p", named), class_="cb-folded"))
        text.append(f"{head}: {named}")
    if found.claims or found.bounds:
        claims = [c.describe() for c in found.claims]
        claims += [f"the sentence “{c.key}” stands under another condition than before" for c in found.bounds]
        html.append(element("ul", *(element("li", claim) for claim in claims)))
        text += claims
    if found.changes:
        table = ChangesTable(table_id.replace(".", "-"), caption, found.changes)
        html.append(table.to_html())
        text.append(repr(table))
    return Block(join(*html), "\n".join(text))


def _ordinal(number: int) -> str:
    """2 as second, 12 as 12th.

    >>> _ordinal(2), _ordinal(11), _ordinal(23)
    ('second', '11th', '23rd')
    """
    words = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}
    if number in words:
        return words[number]
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
