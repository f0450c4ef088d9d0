"""What stands in a notebook, for every room: which of its blocks are prose and which are code, and their sources.

Takes notebooks as ``json`` reads them and as ``nbformat`` gives them (version 4): a source is one text or a list of lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cordbook.core.files import digest

Block = Mapping[str, Any]
_KIND = "cell_type"


def is_prose(block: Block) -> bool:
    """Is it Markdown?

    >>> is_prose({"cell_type": "markdown", "source": ["# Title"]}), is_prose({"cell_type": "code"}), is_prose({})
    (True, False, False)
    """
    return block.get(_KIND) == "markdown"


def is_code(block: Block) -> bool:
    """Is it executed?"""
    return block.get(_KIND) == "code"


def joined(source: str | Iterable[str] | None) -> str:
    """A source, or a text of an output, as one text.

    >>> joined(["a\\n", "b"]), joined("a"), joined(None)
    ('a\\nb', 'a', '')
    """
    return source if isinstance(source, str) else "".join(source or ())


def source_of(block: Block) -> str:
    """The source of a block as one text."""
    return joined(block.get("source"))


def sources_digest(raw: bytes) -> str:
    """Digest of the sources of a notebook's file, which execution leaves alone; raises what :func:`sources` and JSON raise.

    >>> one, executed = b'{"cells": []}', b'{"cells": [], "metadata": {"kernelspec": {}}}'
    >>> sources_digest(one) == sources_digest(executed)
    True
    """
    return digest(json.dumps(sources(json.loads(raw)), ensure_ascii=False))


def written(notebook: Mapping[str, Any]) -> str:
    """A notebook as the text of its file.

    >>> written({"cells": []})
    '{\\n "cells": []\\n}\\n'
    """
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def sources(notebook: Mapping[str, Any]) -> list[list[str]]:
    """Kind and source of every block: what people edit, and what outputs follow from. Raises ``KeyError`` for what is not a notebook."""
    return [[block[_KIND], joined(block["source"])] for block in notebook["cells"]]
