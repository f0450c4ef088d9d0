"""``versions.js``, which every page loads: empty as built, and filled in on a host where several versions stand side by side."""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

from cordbook.core.files import write_whole

SCRIPT = "versions.js"
ALONE = "// The versions of this book, where several stand side by side on a host; cordbook host writes them here.\n"


def connect(app: Sphinx) -> None:
    """Write the empty ``versions.js`` that every page loads: a missing file would be an error in the reader's console."""

    def write(a: Sphinx) -> list[object]:
        path = Path(a.outdir) / SCRIPT
        if a.builder.format == "html" and not path.is_file():
            write_whole(path, ALONE)
        return []

    app.connect("html-collect-pages", write)
