"""Tables of treated groups beside the natural course: what was seen and what is predicted, and who cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cordbook.display.html.pieces import Cell as Lines
from cordbook.display.html.pieces import Link
from cordbook.display.html.table import CARDS, Table
from cordbook.review.expected.comparison import Expectation
from cordbook.review.expected.phrases import expected_number
from cordbook.review.scores.phrases import amount

Address = Callable[[str], str]


def expected_table(
    x: Expectation, titles: Mapping[str, str], study: Address, estimate: Address, *, folded: bool = False
) -> Table:
    """Every group that is compared: seen, predicted with the range that chance and unlike studies allow, the difference per 100.

    ``titles`` are those of the estimates of the natural course, by id.
    """
    rows = tuple(
        (
            Link(s.label, study(s.study_id)),
            tuple(part for i, _ in s.parts for part in (Link(titles[i], estimate(i)), " "))[:-1],
            f"{g.observed:,} of {g.n:,}",
            Lines(expected_number(g.expected), (f"{g.predicted_low} to {g.predicted_high}",)),
            Lines(amount(g.estimate), (f"{amount(g.ci_low)} to {amount(g.ci_high)}",)),
        )
        for s in x.studies
        if (g := s.group) is not None
    )
    header = ("Study", "Set beside", "Seen", "Predicted (95% range)", "More of 100 people (95% CI)")
    caption = f"Group by group beside the natural course: {x.title}"
    return Table(f"expected-{x.id}", caption, header, rows, kind=CARDS, folded=folded, numeric=(2, 3, 4))


def left_out_table(x: Expectation, study: Address) -> Table:
    """The groups that cannot be compared, each with the reason."""
    rows = tuple((Link(s.label, study(s.study_id)), f"{s.observed:,} of {s.n:,}", s.reason) for s in x.left_out)
    header = ("Study", "Seen", "Why it cannot be compared")
    return Table(
        f"expected-left-out-{x.id}",
        f"Groups without a natural course to set beside: {x.title}",
        header,
        rows,
        kind=CARDS,
        folded=True,
        numeric=(1,),
    )
