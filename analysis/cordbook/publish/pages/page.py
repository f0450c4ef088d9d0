"""Holds what every made page is: a model of plain texts that can be asked, one template that renders it, a file that is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, TypeVar

from cordbook.core.files import write_whole
from cordbook.display.html.pieces import Cell, Link, Shown, numbers
from cordbook.display.html.templates import page_source
from cordbook.review.appraisal.certainty_rules import NAME, Certainty

#: The first page, seen from a page that is made.
HOME = Link("Home", "../../index.html")
#: What a page says where treated people have nobody beside them, and where a number cannot be had.
NO_CONTROL = "Treated people alone cannot show how much of this the treatment did."
CANNOT_TELL = "cannot be told"
#: Where it is told how certainty is rated, seen from the page of an estimate.
CERTAINTY = "../methods/certainty.html"
P = TypeVar("P", bound="Page")


@dataclass(frozen=True, slots=True)
class Page:
    """The model of a page; a subclass holds the texts of its sections and names its template.

    ``preview`` is the title and ``description`` the text that a share preview shows. ``trail`` are the pages that lead to it, from the
    first page on, and its own name in few words; ``before`` and ``after`` its neighbours.
    """

    template: ClassVar[str]

    title: str
    preview: str
    description: str
    trail: tuple[Link, ...] = field(default=(), kw_only=True)
    before: Link | None = field(default=None, kw_only=True, metadata={"unseen": True})
    after: Link | None = field(default=None, kw_only=True, metadata={"unseen": True})

    def numbers(self) -> tuple[str, ...]:
        """Every number that the page states, as it is written there; its template adds none."""
        return numbers(self)

    def source(self) -> str:
        """The MyST source of the page."""
        return page_source(self.template, self)


def estimate_address(estimate_id: str) -> str:
    """The page of an estimate, seen from another page that is made."""
    return f"../estimates/{estimate_id}.html"


def same_number(estimate_id: str, call: str = '["{}"]') -> list[tuple[str, Shown]]:
    """The id of an estimate and the lines that give its number again, in the shell and in Python, for who reruns the review.

    ``call`` is what is asked of the review, with ``{}`` for the id.
    """
    return [
        ("Permanent id", Cell(estimate_id, style="code")),
        ("In the shell", Cell(f"cordbook estimates {estimate_id}", style="code")),
        (
            "In Python",
            Cell(f"open_review(){call.format(estimate_id)}", ("after: from cordbook.notebook import open_review",), style="code"),
        ),
    ]


def preview_of(title: str, headline: str) -> str:
    """The title of a share preview: what it is, and its number."""
    # The title of a part holds a colon already.
    return f"{title}{' · ' if ': ' in title else ': '}{headline}"


def in_a_row(pages: Mapping[str, P], order: Sequence[str], label: Callable[[str], str]) -> dict[str, P]:
    """Pages by name, each with its neighbours in ``order``, which ``label`` names in a few words."""
    links = {name: Link(label(name), f"{name}.html") for name in order}
    after = dict(pairwise(order))
    before = {later: earlier for earlier, later in after.items()}
    return {
        name: replace(page, before=links.get(before.get(name, "")), after=links.get(after.get(name, "")))
        for name, page in pages.items()
    }


@dataclass(frozen=True, slots=True)
class Written:
    """What writing a folder of pages did: how many there are, names of those that changed, and of those that were removed."""

    total: int
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def write_pages(folder: Path, pages: Mapping[str, str], stay: Collection[str] = ()) -> Written:
    """Write pages by name and remove the others but those in ``stay``; unchanged files are not touched."""
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in pages.items():
        path, content = folder / f"{name}.md", text.encode()
        if not path.is_file() or path.read_bytes() != content:
            write_whole(path, content)
            changed.append(name)
    gone = [path for path in sorted(folder.glob("*.md")) if path.stem not in pages and path.stem not in stay]
    for path in gone:
        path.unlink()
    return Written(len(pages), tuple(changed), tuple(path.stem for path in gone))


@dataclass(frozen=True, slots=True)
class Reason:
    """A domain of certainty: how far it lowers the level, and why."""

    step: str
    why: str


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure the estimate is: level, why it starts there, the reasons in turn, and what this is called."""

    level: str
    start: str
    reasons: tuple[Reason, ...]
    name: str = NAME


def sure_of(rated: Certainty | None) -> Sure | None:
    """How sure an estimate is, for its page; None where it is not rated."""
    if rated is None or not rated.domains:
        return None
    steps = {0: "not lowered", 1: "lowered one step", 2: "lowered two steps"}
    reasons = tuple(Reason(f"{d.name.capitalize()}: {steps.get(d.down, d.down)}", d.reason) for d in rated.domains)
    return Sure(rated.level, rated.start_reason, reasons)


def rated_link(rated: Certainty) -> Shown:
    """The level, which leads to how it is rated, and why."""
    return (Link(rated.level, CERTAINTY), f": {rated.because}" if rated.because else "")
