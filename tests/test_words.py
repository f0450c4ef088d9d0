"""What the package says to people is plain English: idioms that only its authors know stay out of its strings and docs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "analysis" / "cordbook"

#: An idiom, and what to write instead.
IDIOMS = {
    r"\bstands? twice\b": "appears twice, is duplicated",
    r"(?<![Tt]here )\bis no (?:version|number|date|value|file|folder|decision|source|table|terminal|count|notebook|cell|row)\b": (
        "is not a valid version, is not a file"
    ),
    r"\bwhole or not at all\b": "atomically (all or nothing)",
    r"(?i)\b(?:one|a) (?:row|line|entry|page|column|module|file|value) an? [a-z]+": "one row per study",
    r"\b(?:put|kept|keeps|keep) aside\b": "rejected, quarantined, kept",
    r"\bknown doubts?\b": "accepted exceptions, waivers",
}
#: The caption of a figure that stored outputs of chapters hold, and phrases that only look like an idiom.
ALLOWED = ("A row a study, a column an item.", "Takes a row at a time")
DOCS = sorted([*ROOT.glob("docs/*.md"), ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md"])


def strings(path: Path) -> list[str]:
    """Every string of a module, docstrings included; of an f-string its fixed parts."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def idioms(text: str) -> list[str]:
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    return [f"{match.group()!r}: write {instead}" for idiom, instead in IDIOMS.items() for match in re.finditer(idiom, text)]


def test_no_idiom_in_what_the_package_says():
    found = [f"{p.relative_to(ROOT)}: {words}" for p in PACKAGE.rglob("*.py") for text in strings(p) for words in idioms(text)]
    assert found == []


@pytest.mark.parametrize("path", DOCS, ids=lambda p: p.name)
def test_no_idiom_in_the_docs(path):
    assert idioms(path.read_text(encoding="utf-8")) == []


def test_an_idiom_is_found():
    assert idioms("'x' is no version; the key stands twice, one row a study") == [
        "'stands twice': write appears twice, is duplicated",
        "'is no version': write is not a valid version, is not a file",
        "'one row a study': write one row per study",
    ]
    assert idioms("There is no version yet. It is no longer kept.") == []
