"""A released book that holds its own package, as the real one does: what it says of itself is that it is this version."""

from __future__ import annotations

import datetime as dt
import html
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from cordbook.core.project import Project
from cordbook.display.html.cite_box import cite_box
from cordbook.publish.release.archive import archive
from cordbook.publish.release.release import Asked, release
from cordbook.review.citation.citations import cite_book
from cordbook.review.citation.edition import edition_of_release, edition_of_tree
from cordbook.review.versions.releases import Version
from tests.publish import small_book
from tests.publish.conftest import quiet
from tests.publish.release_book import clone, commit, git, make

DAY = dt.date(2026, 12, 1)
BOX = "\n\n:::{cite-book}\n:::\n"


@pytest.fixture(scope="module")
def released(tmp_path_factory, root) -> Project:
    """The small book with the package in it and an address on the web, released as 0.1.0, committed and tagged."""
    project = make(root, tmp_path_factory.mktemp("cited") / "book")
    shutil.copytree(root / "analysis", project.root / "analysis", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    page, review = project.root / "book" / "prose.md", project.data / "review.yml"
    page.write_text(small_book.PROSE + BOX, encoding="utf-8")
    address = "address: https://book.example.org/"
    review.write_text(re.sub(r"(?m)^address:.*$", address, review.read_text(encoding="utf-8")), encoding="utf-8")
    run(project, "build")
    commit(project.root, "With its package")
    release(project, Asked(Version(0, 1, 0), DAY), report=quiet)
    commit(project.root, "Release 0.1.0")
    git(project.root, "tag", "v0.1.0")
    return project


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command with the package of the project."""
    environment = {**os.environ, "PYTHONPATH": str(project.root / "analysis")}
    command = [sys.executable, "-m", "cordbook", *arguments]
    return subprocess.run(command, cwd=project.root, env=environment, capture_output=True, text=True, check=True)


def texts(page: str) -> list[str]:
    """What the boxes of a page offer to copy."""
    return [html.unescape(found) for found in re.findall(r'<pre class="cb-cite-text"[^>]*>(.*?)</pre>', page, re.S)]


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("book/prose.html", r"Cordbook: .*, cordbook 0\.1\.0, 2026-12-01"),
        ("book/estimates/ais-improved.html", r"57% \(95% CI 38 to 76; k = 4, n = 51\), cordbook 0\.1\.0, estimate ais-improved"),
    ],
)
def test_the_boxes_of_a_released_book_cite_that_version(released, page, line):
    with zipfile.ZipFile(released.root / "dist" / "cordbook-0.1.0.zip") as packed:
        content = packed.read(f"cordbook-0.1.0/html/{page}").decode()
    said = texts(content)
    assert re.fullmatch(line, said[0]), said[0]
    whole = " ".join(said)
    assert "unreleased" not in whole
    assert "dev0" not in whole
    assert "https://book.example.org/v0.1.0/" in whole
    assert "not a released version" not in content


def test_the_checkout_of_the_tag_cites_it_too_and_one_that_was_edited_does_not(released, tmp_path):
    checkout = clone(released, tmp_path / "clone", "v0.1.0")
    done = run(checkout, "cite")
    assert "cordbook 0.1.0," in done.stdout
    assert done.stderr == ""
    small_book.set_events(checkout.data, "lima2010.treated.ais_improved.all.27.7", 3)
    done = run(checkout, "cite", "ais-improved")
    assert "cordbook 0.1.0+changed (unreleased)" in done.stdout
    assert "--release" in done.stderr
    assert "cordbook 0.1.0, estimate" in run(checkout, "cite", "ais-improved", "--release", "0.1.0").stdout


def test_the_archive_of_a_clone_has_the_same_bytes(released, tmp_path):
    checkout = clone(released, tmp_path / "clone", "v0.1.0")
    made = archive(checkout, Version(0, 1, 0), report=quiet)
    assert made.path.read_bytes() == (released.root / "dist" / "cordbook-0.1.0.zip").read_bytes()


def test_work_that_goes_on_is_not_that_version(released, tmp_path):
    checkout = clone(released, tmp_path / "clone")
    run(checkout, "release", "0.2.0", "--begin")
    assert "cordbook 0.2.0.dev0 (unreleased)" in run(checkout, "cite").stdout
    said = "This copy is not a released version: what it says may still change. The last release is 0.1.0 of 1 December 2026."
    tree = edition_of_tree(checkout.root, "0.2.0.dev0")
    assert tree.warning == said
    assert said in cite_box(cite_book(tree), "")
    assert edition_of_release(checkout.root, Version(0, 1, 0)).warning == ""


def test_a_review_without_a_release_says_so(released, tmp_path):
    checkout = clone(released, tmp_path / "clone")
    shutil.rmtree(checkout.root / "releases")
    assert edition_of_tree(checkout.root, "0.1.0.dev0").warning.endswith("There is no release yet.")
