"""The folder for a host: laid out atomically; a reader in Chromium, from a disk and under the strict policy."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cordbook.cli import main
from cordbook.core.project import Project
from cordbook.publish.hosting.host import CannotHost, host
from cordbook.publish.release.archive import write_archive
from cordbook.publish.release.manifest import manifest_json
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.reporting.freezing import estimates_json, freeze, rows_json
from cordbook.review.versions.releases import Version, read_manifest
from tests.publish.conftest import quiet
from tests.strict_server import strictly_served

#: Version, date, and a page that it has and the other has not.
RELEASES = (("0.1.0", "2026-11-21", "old"), ("0.2.0", "2027-02-03", "new"))


@pytest.fixture(scope="module")
def project(tmp_path_factory, root, small_built) -> Project:
    """The small book with two releases and their archives: the same pages, but for one page each."""
    project = Project(shutil.copytree(small_built, tmp_path_factory.mktemp("host") / "project"))
    shutil.copy(root / "CITATION.cff", project.root)
    subprocess.run([sys.executable, "-m", "cordbook", "build"], cwd=project.root, capture_output=True, check=True)
    estimates = load_estimates(project.root)
    frozen = freeze(estimates)
    for version, day, own in RELEASES:
        place, parsed, date = project.root / "releases" / version, Version.parse(version), dt.date.fromisoformat(day)
        place.mkdir(parents=True)
        (place / "estimates.json").write_text(estimates_json(frozen, parsed, date), encoding="utf-8")
        (place / "rows.json").write_text(rows_json(frozen.rows), encoding="utf-8")
        told = {"version": parsed, "date": date, "previous": None, "step": "minor", "new_studies": None}
        text = manifest_json(project.root, [], estimates, **told)
        (place / "manifest.json").write_text(text, encoding="utf-8")
        html = project.root.parent / f"html-{version}"
        shutil.copytree(project.site, html)
        shutil.copy(html / "book" / "one.html", html / "book" / f"{own}.html")
        files = ["CITATION.cff", *(f"releases/{version}/{name}" for name in ("estimates.json", "rows.json", "manifest.json"))]
        modes = dict.fromkeys([*files, "data/review.yml"], 0o644)
        write_archive(project.root, html, modes, read_manifest(place), project.root / "dist" / f"cordbook-{version}.zip")
    return project


@pytest.fixture(scope="module")
def laid_out(project) -> Path:
    target = project.root.parent / "public"
    assert [str(v) for v in host(project, target, project.root / "dist", report=quiet)] == ["0.1.0", "0.2.0"]
    return target


@pytest.fixture(scope="module")
def served(laid_out) -> Iterator[str]:
    with strictly_served(laid_out) as address:
        yield address


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_release_stands_there_as_it_was_archived_but_for_one_file(project, laid_out):
    for version, _, _ in RELEASES:
        archived, there = files(project.root.parent / f"html-{version}"), files(laid_out / f"v{version}")
        assert archived.keys() == there.keys()
        assert [name for name in archived if archived[name] != there[name]] == ["versions.js"]
    newest = files(laid_out / "v0.2.0")
    root = {name: content for name, content in files(laid_out).items() if not name.startswith("v0.")}
    assert root.keys() - newest.keys() == {"versions.json"}
    assert [name for name in newest if newest[name] != root[name]] == ["versions.js"]
    assert json.loads(root["versions.json"])["newest"] == "0.2.0"


def test_again_it_is_the_same_and_what_is_gone_goes(project, laid_out):
    before = files(laid_out)
    (laid_out / "left.html").write_text("x", encoding="utf-8")
    host(project, laid_out, project.root / "dist", report=quiet)
    assert files(laid_out) == before
    assert not list(laid_out.parent.glob(".public.*"))


def test_what_stands_in_the_way_is_told_all_at_once_and_nothing_is_touched(project, tmp_path, monkeypatch, capsys):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "letter.txt").write_text("x", encoding="utf-8")
    monkeypatch.chdir(project.root)
    assert main(["host", str(tmp_path / "theirs"), "--archives", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "holds other things" in said
    assert said.count("is not there, and git knows no commit of version 0.") == 2
    assert [p.name for p in (tmp_path / "theirs").iterdir()] == ["letter.txt"]


def test_a_damaged_archive_is_named_and_the_folder_stays(project, laid_out, tmp_path):
    for path in (project.root / "dist").iterdir():
        shutil.copy(path, tmp_path)
    archive = tmp_path / "cordbook-0.1.0.zip"
    content = bytearray(archive.read_bytes())
    place = content.find(b"<title>")
    content[place + 8] ^= 1
    archive.write_bytes(content)
    before = files(laid_out)
    with pytest.raises(CannotHost, match="damaged"):
        host(project, laid_out, tmp_path, report=quiet)
    assert files(laid_out) == before


@pytest.mark.parametrize("base", ["file", "served"])
def test_a_reader_goes_from_an_old_page_to_the_same_in_the_newest(laid_out, served, browser, base):
    root = laid_out.as_uri() + "/" if base == "file" else served
    page = browser.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(root + "v0.1.0/book/prose.html#more-than-a-third-improved")
    note = page.locator(".cb-version-old")
    assert "This is version 0.1.0 of 21 November 2026. A newer version exists." in note.inner_text()
    note.get_by_role("link").click()
    page.wait_for_url("**/book/prose.html#more-than-a-third-improved")
    assert page.url == root + "book/prose.html#more-than-a-third-improved"
    assert page.locator(".cb-version-old").count() == 0
    page.locator(".cb-versions summary").click()
    assert page.locator(".cb-versions li").all_inner_texts() == ["0.2.0, 3 February 2027 (newest)", "0.1.0, 21 November 2026"]
    page.get_by_role("navigation", name="Versions of this book").get_by_role("link").click()
    page.wait_for_url("**/v0.1.0/book/prose.html*")
    assert errors == []
    page.close()


def test_a_page_that_the_newest_lacks_leads_to_its_first_page(laid_out, browser):
    page = browser.new_page()
    page.goto((laid_out / "v0.1.0" / "book" / "old.html").as_uri())
    assert "It does not have this page." in page.locator(".cb-version-old").inner_text()
    page.locator(".cb-version-old").get_by_role("link").click()
    page.wait_for_url("**/public/index.html")
    page.goto((laid_out / "book" / "new.html").as_uri())
    page.locator(".cb-versions summary").click()
    assert "(without this page)" in page.locator(".cb-versions").inner_text()
    page.close()


def test_the_folder_of_the_newest_knows_that_it_is_the_newest(laid_out, browser):
    page = browser.new_page()
    page.goto((laid_out / "v0.2.0" / "index.html").as_uri())
    assert page.locator(".cb-version-old").count() == 0
    assert page.locator(".cb-versions summary").inner_text() == "Version 0.2.0"
    page.close()


def test_a_book_that_stands_alone_shows_nothing(project, browser):
    page = browser.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto((project.site / "index.html").as_uri())
    assert page.locator(".cb-versions, .cb-version-old").count() == 0
    assert errors == []
    page.close()


def test_by_keyboard_alone(laid_out, browser):
    page = browser.new_page()
    page.goto((laid_out / "v0.1.0" / "book" / "prose.html").as_uri())
    focused = "document.activeElement.closest('.cb-version-old, .cb-versions')?.className || ''"
    for wanted, key in (("cb-version-old", None), ("cb-versions", "Enter"), ("cb-versions", "Enter")):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(focused).startswith(wanted):
                break
        else:
            pytest.fail(f"Tab never reached {wanted}")
        if key:
            page.keyboard.press(key)
    page.wait_for_url("**/public/book/prose.html")
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (360, "dark")])
def test_axe_finds_nothing_in_an_old_release(laid_out, browser, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe-playwright-python is not installed")
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto((laid_out / "v0.1.0" / "book" / "prose.html").as_uri())
    page.locator(".cb-versions summary").click()
    page.evaluate("() => { for (const moving of document.getAnimations()) moving.finish(); }")
    page.evaluate(axe.AXE_SCRIPT)
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)["violations"]
    over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    context.close()
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"][:3]]) for rule in found] == []
    assert over <= 1
