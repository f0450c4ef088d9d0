"""Read JSON that others wrote: one that is nested without end is refused like any other text that is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cordbook.core.trust.regular import MOST_BYTES, read_text


def parse_json(text: str | bytes) -> Any:
    """The content of a JSON text; raises ``ValueError``.

    >>> parse_json('{"a": [1]}')
    {'a': [1]}
    >>> parse_json("[" * 100_000)
    Traceback (most recent call last):
    ValueError: nested too deeply
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """The content of a JSON file; raises ``ValueError`` or ``OSError``."""
    return parse_json(read_text(path, most))
