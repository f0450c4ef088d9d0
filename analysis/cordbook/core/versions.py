"""The code that computes, as digests: the files of this package, and the versions of what can move a number."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata

from cordbook.core.files import digest, file_digest
from cordbook.core.tracking import PACKAGE

#: Libraries whose version can move a number or a figure.
LIBRARIES = ("numpy", "scipy", "pandas", "statsmodels", "matplotlib")


@lru_cache(1)
def package_files() -> Mapping[str, str]:
    """Digests of the files of the package by path, as they were when a build of this process began; see :func:`look_again`."""
    files = sorted(p for p in PACKAGE.rglob("*") if p.is_file() and p.suffix != ".pyc")
    return {path.relative_to(PACKAGE.parent).as_posix(): file_digest(path) for path in files}


def look_again() -> None:
    """Take the package as it is now: what a build begins with. Edits after that are for the next build to find."""
    package_files.cache_clear()


def package_digest() -> str:
    """Digest of the package: its modules, style sheets and scripts."""
    return digest("".join(f"{path}\0{value}\n" for path, value in package_files().items()))


@lru_cache(1)
def environment() -> str:
    """Version of Python and of the libraries that can move a number."""
    versions = [f"python {sys.version_info.major}.{sys.version_info.minor}"]
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"{name} none")
    return ", ".join(versions)
