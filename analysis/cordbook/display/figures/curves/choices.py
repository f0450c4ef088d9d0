"""Every choice as a chapter shows it: the sentence, the curve, and tables of what each choice does, in one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cordbook.core.text import enumerate_words, inside
from cordbook.display.figures.curves.specification_curve import specification_curve
from cordbook.display.figures.figure import Figure
from cordbook.display.html.markup import Html, element, join
from cordbook.display.html.table import Table, folded
from cordbook.review.multiverse.multiverse import Analysis, Multiverse
from cordbook.review.multiverse.words import distance, result_text, sentence


@dataclass(frozen=True)
class Choices:
    """What all defensible analyses of an estimate give. In a notebook it shows itself as HTML."""

    found: Multiverse
    #: Whether the curve is drawn, or the sentence and the tables stand alone.
    drawn: bool = True

    @property
    def sentence(self) -> str:
        """How many analyses give what, and which choice moves the result most; made from the analyses, so that it turns with them."""
        return sentence(self.found)

    @property
    def figure(self) -> Figure:
        """The specification curve."""
        title = f"Every choice: {self.found.declared.synthesis.title}"
        return specification_curve(self.found, figure_id=f"choices-{self.found.id}", title=title)

    @property
    def tables(self) -> tuple[Table, Table]:
        """What each choice moves, and what one choice alone makes of the book's own analysis."""
        return moves_table(self.found), alone_table(self.found)

    @property
    def notes(self) -> str:
        """Options that today's data cannot tell from the others, and choices that were left out, with the reason."""
        same = enumerate_words([f"{inside(choice.label)}: {inside(option)}" for choice, option in self.found.inert()])
        left_out = [f"Left out: {what}. {why}" for what, why in self.found.declared.left_out]
        return " ".join(
            [*([f"With today's data these options make no analysis of their own: {same}."] if same else []), *left_out]
        )

    def __repr__(self) -> str:
        return "\n\n".join([self.sentence, *map(repr, self.tables), self.notes])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.to_html(), "text/plain": repr(self)}

    def to_html(self) -> Html:
        """The sentence as a paragraph, the curve where it is wanted, and the tables folded."""
        figure = [Html(self.figure.to_html())] if self.drawn and self.found.analyses else []
        notes = [element("p", self.notes)] if self.notes else []
        return join(element("p", self.sentence), *figure, *(folded(table).__html__() for table in self.tables), *notes)


def moves_table(found: Multiverse) -> Table:
    """How far each choice moves the result and how often it turns the conclusion, all else equal; the one that moves it most first."""
    rows = tuple(
        (
            m.choice.label,
            ", ".join(option.label for option in m.choice.options),
            distance(found, m.mean) if m.pairs else "nothing to compare",
            distance(found, m.greatest) if m.pairs else "",
            f"{100 * m.turned / m.pairs:.0f}%" if m.pairs else "",
        )
        for m in found.moves
    )
    header = ("Choice", "Options", "Moves the result by, on average", "At most", "Turns the conclusion")
    return Table(f"choices-{found.id}-moves", "What each choice moves, all else equal", header, rows, numeric=(4,))


def alone_table(found: Multiverse) -> Table:
    """The book's own analysis, and what one other option alone makes of it."""
    rows: list[tuple[str, str, str, str, str]] = []
    if found.own >= 0:
        own = found.analyses[found.own]
        rows.append(("The book's own", "all as declared", f"{own.k:,}", result_text(found, own), _gives(found, own)))
    rows += [(choice.label, option, f"{a.k:,}", result_text(found, a), _gives(found, a)) for choice, option, a in found.alone()]
    header = ("Choice", "Option", "Studies", "Result (95% CI)", "Gives")
    return Table(f"choices-{found.id}-alone", "One choice changed at a time", header, tuple(rows), numeric=(2,))


def _gives(found: Multiverse, analysis: Analysis) -> str:
    return found.conclusions[analysis.conclusion].text
