"""What the Sphinx extension does for the pages of the functions: reads docstrings, lists them, and lets their pages in."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

from cordbook.publish.pages.reference_pages import FOLDER, INDEX, sections
from cordbook.publish.sphinx.made_pages import generated_pages

#: How docstrings are set: their own words for types, names in single backticks as code.
SETTINGS: dict[str, Any] = {
    "autodoc_typehints": "none",
    "autodoc_default_options": {"members": True, "member-order": "bysource", "exclude-members": "__init__, __new__"},
    "add_module_names": False,
    "default_role": "code",
    "napoleon_google_docstring": False,
    "napoleon_use_rtype": False,
    "python_display_short_literal_types": True,
}


def connect(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("config-inited", _settle)
    app.add_directive("functions", FunctionsDirective)
    generated_pages.connect(app, FOLDER, f"{FOLDER}/{INDEX}", stay=(INDEX,))


def _settle(app: Sphinx, config: Config) -> None:
    for name, value in SETTINGS.items():
        config[name] = value


class FunctionsDirective(SphinxDirective):
    """The list of all public functions and results, by what they are for, with links to their pages."""

    def run(self) -> list[nodes.Node]:
        return [self._section(title, names) for title, names in sections()]

    def _section(self, title: str, names: list[tuple[str, str]]) -> nodes.Node:
        section = nodes.section(ids=[nodes.make_id(title)], names=[nodes.fully_normalize_name(title)])
        section += nodes.title("", title)
        listed = nodes.definition_list(classes=["cb-functions"])
        for name, line in names:
            address = self.env.app.builder.get_relative_uri(self.env.docname, f"{FOLDER}/{name}")
            link = nodes.reference("", "", nodes.literal("", name), refuri=address, internal=True)
            listed += nodes.definition_list_item("", nodes.term("", "", link), nodes.definition("", nodes.paragraph("", line)))
        section += listed
        return section
