"""The real evidence as text, ready to be changed in memory."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cordbook.evidence import RawTable, find_data_dir, load_package, read_all

DATA = find_data_dir(Path(__file__).parent)


@pytest.fixture(scope="session")
def package():
    return load_package(DATA)


@pytest.fixture(scope="session")
def raw(package) -> dict[str, RawTable]:
    return read_all(DATA, package)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tables outside any project."""
    copy = tmp_path / "copy" / "data"
    shutil.copytree(DATA, copy, ignore=shutil.ignore_patterns("raw"))
    return copy
