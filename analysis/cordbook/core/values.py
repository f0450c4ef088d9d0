"""Digests of values, the same in every process and on every machine: to tell whether what a function returns is what it was."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cordbook.core.files import digest


def value_digest(value: Any) -> str:
    """Digest of a value made of frames, dataclasses, mappings, lists and plain values."""
    return digest(json.dumps(_plain(value), sort_keys=True))


def _plain(value: Any) -> Any:
    if isinstance(value, pd.DataFrame):
        return [
            [str(c) for c in value.columns],
            [str(i) for i in value.index],
            [[_plain(v) for v in row] for row in value.to_numpy(dtype=object)],
        ]
    if isinstance(value, pd.Series):
        return [[str(i) for i in value.index], [_plain(v) for v in value.to_numpy(dtype=object)]]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, set | frozenset):  # in an order of its own, which no hash seed changes
        return sorted((_plain(v) for v in value), key=repr)
    if isinstance(value, np.ndarray | np.generic):  # the text of a long array is cut short
        return _plain(value.tolist())
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return repr(value)
