"""What tests share: the project's own data, and the book built from it once a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: What a copy of the project leaves out: environments, caches and what is built.
LEFT_OUT = (".git", ".venv", "_build", ".cordbook", "__pycache__", ".pytest_cache", ".hypothesis", "*.egg-info", "raw")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project folder."""
    return ROOT


def copy_project(target: Path) -> Path:
    """A copy of the project to change and build, without environments and built things."""
    shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*LEFT_OUT))
    return target


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project for tests of one session that do not change it in ways others see."""
    return copy_project(tmp_path_factory.mktemp("copy") / "project")


@pytest.fixture(scope="session")
def estimates(root: Path):
    """All declared estimates of the project's data."""
    from cordbook.review.estimates import load_estimates

    return load_estimates(root)


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
