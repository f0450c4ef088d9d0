"""What the Sphinx extension does for the explorer: a directive that stands for it, its scripts and its data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from cordbook.core.files import write_whole
from cordbook.publish.pages.explorer_data import explorer_script
from cordbook.review.estimates.estimates import Estimates

#: Under ``_static``, in the order in which they are loaded.
SCRIPTS = (
    "distributions",
    "likelihood",
    "average",
    "glmm",
    "words",
    "effects",
    "pooling",
    "side_by_side",
    "selection",
    "address",
    "scores",
    "drawing",
    "curve",
    "dom",
    "score_page",
)
DATA = "explorer/evidence.js"
_KEY = "cordbook-explorer"


def connect(app: Sphinx, estimates: Callable[[Sphinx], Estimates]) -> None:
    """Connect to Sphinx; ``estimates`` gives the estimates of a build, computed once."""

    class ExplorerDirective(SphinxDirective):
        """The place of the explorer; its content is shown where scripts do not run."""

        has_content = True

        def run(self) -> list[nodes.Node]:
            # Made here too, to note that the page depends on it: it is read and written again when it has changed.
            explorer_script(estimates(self.env.app))
            self.env.metadata[self.env.docname][_KEY] = "yes"
            box = nodes.container(ids=["cb-explorer"], classes=["cbx"])
            self.state.nested_parse(self.content, self.content_offset, box)
            return [box]

    def load(a: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
        if _KEY not in a.env.metadata.get(page, {}):
            return
        place = Path(a.outdir) / "_static" / DATA
        write_whole(place, explorer_script(estimates(a)))
        for name in SCRIPTS:
            a.add_js_file(f"explorer/{name}.js", loading_method="defer")
        a.add_js_file(DATA, loading_method="defer")
        a.add_js_file("explorer/page.js", loading_method="defer")
        a.add_css_file("explorer.css")

    app.add_directive("explorer", ExplorerDirective)
    app.connect("html-page-context", load)
