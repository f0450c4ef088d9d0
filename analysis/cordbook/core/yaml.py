"""YAML read by libyaml where PyYAML has it: ten times as fast as in Python, and every kernel reads some of it."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_yaml(text: str) -> Any:
    """The content of a YAML text, plain values only; raises ``yaml.YAMLError``.

    >>> load_yaml("a: [1, yes]")
    {'a': [1, True]}
    """
    return yaml.load(text, Loader=_LOADER)  # noqa: S506: a safe loader
