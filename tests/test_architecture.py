"""docs/architecture.md draws the rooms that there are, and says of each what its own docstring says.

``python -m tests.test_architecture`` makes the drawing and the table anew.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.test_rooms import ARROWS, FLOORS, MODULES

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
BEGIN, END = "<!-- Made by python -m tests.test_architecture. -->\n", "<!-- End of what is made. -->"
#: Houses from the ground up: a house is a room with the rooms inside it.
HOUSES = tuple(dict.fromkeys(room.split(".")[0] for room in FLOORS))


def needs(house: str) -> set[str]:
    """The houses that a house imports, faces aside."""
    modules = (m for m in ARROWS if m.split(".")[0] == house and MODULES[m].name != "__init__.py")
    return {target.split(".")[0] for m in modules for target in ARROWS[m]} - {house, ""}


def arrows(of: dict[str, set[str]]) -> dict[str, set[str]]:
    """Without those that other arrows lead to as well."""
    reached: dict[str, set[str]] = {}
    for house in HOUSES:
        reached[house] = of[house].union(*(reached[other] for other in of[house]))
    return {house: {t for t in of[house] if not any(t in reached[other] for other in of[house] - {t})} for house in HOUSES}


def drawing() -> str:
    lines = ["```mermaid", "flowchart BT"]
    for house in HOUSES:
        inside = [room.partition(".")[2] for room in FLOORS if room.startswith(f"{house}.")]
        lines.append(f'    {house}["<b>{house}</b>{"<br/>" if inside else ""}{"<br/>".join(inside)}"]')
    lines += [f"    {low} --> {house}" for house, lower in arrows({h: needs(h) for h in HOUSES}).items() for low in sorted(lower)]
    return "\n".join([*lines, "```"])


def says(room: str) -> str:
    """The first sentences of a room's docstring, without its name."""
    path = MODULES[room]
    text = " ".join((ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split())
    return re.sub(r"``([^`]+)``", r"`\1`", text)


def table() -> str:
    rooms = dict.fromkeys(name for room in FLOORS for name in (room.split(".")[0], room))
    return "\n".join(["| room | what it does |", "| --- | --- |", *(f"| `{room}` | {says(room)} |" for room in rooms)])


def wanted() -> str:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    return f"{before}{BEGIN}\n{drawing()}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


def test_the_page_draws_the_rooms_that_there_are():
    assert PAGE.read_text(encoding="utf-8") == wanted(), "run `python -m tests.test_architecture`"


def test_every_room_says_what_it_does():
    assert [room for room in (*FLOORS, *HOUSES) if len(says(room)) < 15] == []


if __name__ == "__main__":
    PAGE.write_text(wanted(), encoding="utf-8")
