"""Cordbook: a living systematic review that runs.

The statistics can be used on any data::

    from cordbook import pool_proportions

    result = pool_proportions([3, 5, 0], [12, 20, 9])
    print(result.summary())
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """The public face of the synthesis room, loaded when first used so that ``import cordbook`` stays light."""
    synthesis = import_module("cordbook.synthesis")
    if name == "__all__":
        return ["__version__", *synthesis.__all__]
    if name in synthesis.__all__:
        return getattr(synthesis, name)
    raise AttributeError(f"module 'cordbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    own = (name for name in globals() if name.startswith("__"))
    return sorted({*own, *__getattr__("__all__")})
