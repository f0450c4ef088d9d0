"""Who writes HTML: templates and ``display/html``, and nobody else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import cordbook

PACKAGE = Path(cordbook.__file__).parent
OWNER = "display/html/"
_TAG = re.compile(
    r"</?(?:a|article|b|br|button|caption|code|dd|details|div|dl|dt|em|fig\w+|form|h[1-6]|head|html|i|input|label|li|link|meta|ol|option"
    r"|p|pre|script|section|select|span|strong|style|sub|summary|sup|svg|table|tbody|td|th|thead|title|tr|ul)[\s>/]"
)
#: What makes elements, and where it stands.
_MAKING = {
    "cordbook.display.html.markup": {"element", "link", "verbatim"},
    "cordbook.display.html.finished": {"finished_element", "void_element"},
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def literals(tree: ast.Module) -> Iterator[str]:
    """Strings of a module that are neither docstrings nor patterns: a pattern reads, it does not write."""
    patterns = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func).startswith("re.")]
    left_out = {id(part) for call in patterns for argument in call.args[:1] for part in ast.walk(argument)}
    left_out |= {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.value


def test_tags_stand_in_templates_and_in_the_room_of_markup():
    found = {name for name, tree in modules() if not name.startswith(OWNER) and any(map(_TAG.search, literals(tree)))}
    assert found == set()


def test_elements_are_made_in_display_alone():
    found = set()
    for name, tree in modules():
        if name.startswith(("display/", "subject/")):  # what one subject shows in its own way is display of that subject
            continue
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
        if any(alias.name in _MAKING.get(node.module or "", ()) for node in imports for alias in node.names):
            found.add(name)
    assert found == set()


def test_jinja_is_set_up_for_pages_in_one_place():
    """The text files that a new review begins with are no HTML."""
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "jinja2"
    }
    assert found == {"display/html/templates.py", "publish/starting/create.py"}
