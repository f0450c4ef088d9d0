"""The previous version of a living review: taken from the frozen releases, and never the state that is shown itself."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from cordbook.core.project import data_files
from cordbook.publish.release.manifest import manifest_json
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.reporting.freezing import estimates_json, freeze, rows_json
from cordbook.review.reporting.previous_version import previous_version
from cordbook.review.reporting.prisma_flow import flow_today
from cordbook.review.versions.releases import ReleaseError, Version
from tests.publish import small_book
from tests.publish.release_book import add_study

ROOT = Path(__file__).parents[2]


def release(root: Path, name: str) -> None:
    """Freeze the book as it stands, without its site."""
    estimates, version, day = load_estimates(root), Version.parse(name), dt.date(2026, 11, 21)
    frozen, folder = freeze(estimates), root / "releases" / name
    folder.mkdir(parents=True)
    (folder / "estimates.json").write_text(estimates_json(frozen, version, day), encoding="utf-8")
    (folder / "rows.json").write_text(rows_json(frozen.rows), encoding="utf-8")
    paths = [f"data/{name}" for name in data_files(root / "data")]
    text = manifest_json(root, paths, estimates, version=version, date=day, previous=None, step="minor", new_studies=None)
    (folder / "manifest.json").write_text(text, encoding="utf-8")


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return small_book.make(ROOT, tmp_path / "book")


def test_without_a_release_all_is_new(book):
    flow = flow_today(load_estimates(book))
    assert flow.since is None
    assert flow.by_other_methods == flow.studies


def test_new_studies_are_counted_from_the_last_release(book):
    before = load_estimates(book).evidence["studies"]["study_id"]
    release(book, "0.1.0")
    assert previous_version(load_estimates(book).evidence) is None, "the book of 0.1.0 itself has no version before it"
    add_study(book / "data")
    shutil.copytree(book / "releases" / "0.1.0", book / "releases" / "0.0.9")
    estimates = load_estimates(book)
    previous = previous_version(estimates.evidence)
    assert previous is not None
    assert (previous.version, previous.studies) == ("0.1.0", frozenset(before))
    since = flow_today(estimates).since
    assert since is not None
    assert (since.version, since.studies, since.gone, since.by_databases, since.by_other_methods) == (
        "0.1.0",
        len(before),
        0,
        0,
        1,
    )
    release(book, "0.2.0")
    again = flow_today(load_estimates(book)).since
    assert again is not None
    assert (again.version, again.new) == ("0.1.0", 1), "the book of 0.2.0 tells what 0.2.0 brought"


def test_a_release_that_cannot_be_read_is_named(book):
    release(book, "0.1.0")
    (book / "releases" / "0.1.0" / "rows.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"rows\.json"):
        previous_version(load_estimates(book).evidence)
