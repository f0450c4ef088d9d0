"""What tests share: the project's own data, the book built from it once a run, and the marks that tell what a test needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from cordbook.core.locks import locked
from tests import marks

ROOT = Path(__file__).resolve().parents[1]
#: What a copy of the project leaves out: environments, caches and what is built.
LEFT_OUT = (".git", ".venv", "_build", ".cordbook", "__pycache__", ".pytest_cache", ".hypothesis", "*.egg-info", "raw")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project folder."""
    return ROOT


def copy_project(target: Path) -> Path:
    """A copy of the project to change and build, without environments and built things."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return target


class Once:
    """Folders made once a run, by whichever worker asks first; the others wait for it.

    A folder is shared: whoever changes it takes a copy. :meth:`untouched` tells whether all kept to that.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        self.seen: dict[Path, int] = {}

    def made(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of that name, which ``make`` writes where it does not exist."""
        folder, done = self.place / name / "project", self.place / name / "done"
        with locked(self.place / name, report=lambda _: None):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # one that could not be finished
                make(folder)
                done.touch()
        self.seen.setdefault(folder, state_of(folder))
        return folder

    def touched(self) -> list[str]:
        """The folders that were changed since they were made."""
        return [folder.parent.name for folder, before in self.seen.items() if state_of(folder) != before]


def state_of(folder: Path) -> int:
    """A number that changes with any file of a folder."""
    found = ((p.as_posix(), s.st_mtime_ns, s.st_size) for p in folder.rglob("*") if (s := p.lstat()) and not p.is_dir())
    # Looking whether a book is up to date opens its lock.
    return hash(frozenset(one for one in found if not one[0].endswith("/lock")))


def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of this run, which its workers share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Once]:
    """What is made once a run, in the folder that its workers share."""
    shared = Once(shared_folder(tmp_path_factory) / "once")
    yield shared
    assert shared.touched() == [], "a test changed what others share; let it take a copy"


@pytest.fixture(scope="session")
def real_book(once: Once) -> Path:
    """The project built once a run, to be read alone; what the build said is in ``build.log`` beside it."""

    return once.made("real", lambda folder: built(copy_project(folder)))


@pytest.fixture(scope="session")
def small_built(once: Once, root: Path) -> Path:
    """The small book, built once a run, to be read or copied. A copy is as good as built where it stands."""
    from tests.publish import small_book

    return once.made("small", lambda folder: built(small_book.make(root, folder)))


@pytest.fixture(scope="session")
def terms_built(once: Once, root: Path) -> Path:
    """The small book with a glossary, built once a run, to be read or copied."""
    from tests.publish import terms_book

    return once.made("terms", lambda folder: built(terms_book.make(root, folder)))


def built(project: Path) -> None:
    """Build a book in a process of its own; what it said is in ``build.log`` beside the project."""
    command = [sys.executable, "-m", "cordbook", "build"]
    result = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    (project.parent / "build.log").write_text(result.stdout + result.stderr, encoding="utf-8")


@pytest.fixture(scope="module")
def project_copy(real_book: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the built project for the tests of a module that change it."""
    return shutil.copytree(real_book, tmp_path_factory.mktemp("copy") / "project")


@pytest.fixture(scope="session")
def estimates(root: Path, tmp_path_factory: pytest.TempPathFactory):
    """All declared estimates of the project's data; what one test has computed is found by all, of changed data what the change leaves."""
    from cordbook.core.store import Store
    from cordbook.review.estimates.estimates import load_estimates

    return load_estimates(root, Store(shared_folder(tmp_path_factory) / "store"))


# Every run draws the same examples. The weekly run draws many more; see tests/README.md.
for _name, _examples in marks.EXAMPLES.items():
    hypothesis_settings.register_profile(
        _name, derandomize=_name != "thorough", deadline=None, max_examples=_examples, print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )  # fmt: skip
hypothesis_settings.load_profile(marks.profile())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a test needs by the fixtures that it uses, and begin with the files that take longest."""
    for item in items:
        for mark in marks.needs(getattr(item, "fixturenames", ()), item.path):
            item.add_marker(mark)
    items.sort(key=lambda item: marks.turn_of(item.nodeid))


# One browser a module: Playwright's event loop runs while it is open, and no chapter can be executed beside it.
@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    """Headless Chromium, Debian's or any other on the path; skips with a message where there is none."""
    path = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
    if path is None:
        pytest.skip("no chromium on this machine: apt install chromium")
    from playwright.sync_api import sync_playwright

    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=quiet)
        yield chromium
        chromium.close()
