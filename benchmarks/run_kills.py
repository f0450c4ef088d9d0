"""Kill the build of the real book at random moments, and look each time whether the site that stands is whole.

A clone of this project is built once. Then, again and again: the note of one study is changed, so that there is work to do; ``cordbook build``
begins; it is killed (SIGKILL), the builder alone or with all that it has started, by turns. ``--moment anywhere`` (the default) draws the time
over the whole length of such a build, ``--moment publishing`` within the second in which the site is put in its place. The next build begins from whatever was left. After each kill:

pages
    every page of ``_toc.yml``, of a study and of an estimate stands, and the files of each page are there: whatever it shows or links to,
    down to the place in the page;
one state
    each file is, byte for byte, that of the site before, or each page that names the changed study says what the data say now: a mixture
    fails;
numbers
    every number in prose is what its estimate says;
sources
    tables, notebooks and bibliography are as they were, or a notebook that was executed anew; nothing is half written.

At the end one build runs to its end, and its site is compared with that of a build from nothing, byte for byte. Run::

    .venv/bin/python benchmarks/run_kills.py --kills 50 --seed 1
    .venv/bin/python benchmarks/run_kills.py --kills 10 --seed 1 --moment publishing

Results: ``benchmarks/results/kills.json``, by moment.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]

import nbformat  # noqa: E402

from cordbook.core.files import file_digest  # noqa: E402
from cordbook.core.project import Project  # noqa: E402
from cordbook.publish.build.written import unread_marks, wrong_numbers  # noqa: E402
from cordbook.publish.execute.chapters import pages  # noqa: E402
from cordbook.review.estimates.estimates import load_estimates  # noqa: E402

#: A name that a page gives to another file, or to a place in one.
_NAMED = re.compile(r'\b(?:href|src)="([^"]*)"')
_PLACE = re.compile(r'\b(?:id|name)="([^"]*)"')
#: Copying the site beside the old one, exchanging the two and noting it take about so long.
PUBLISHING_S = 1.5
#: Addresses that lead out of the site.
_OUTSIDE = ("http:", "https:", "mailto:", "data:", "javascript:")


class Page:
    """What one page names and which places it has; read once for each content."""

    def __init__(self, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        self.named = {unescape(name) for name in _NAMED.findall(text)}
        self.places = {unescape(name) for name in _PLACE.findall(text)}


class Site:
    """The files of a site, its pages read."""

    read: ClassVar[dict[tuple[int, int, int], Page]] = {}

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}

    def page(self, name: str) -> Page:
        state = self.files[name].stat()
        key = (state.st_ino, state.st_size, state.st_mtime_ns)
        if key not in self.read:
            self.read[key] = Page(self.files[name])
        return self.read[key]

    def digests(self) -> dict[str, str]:
        return {name: file_digest(path) for name, path in self.files.items()}

    def broken_links(self) -> list[str]:
        """What a page names and the site does not have."""
        found = []
        for name in self.files:
            if not name.endswith(".html") or name.startswith("_static/"):
                continue
            for target in self.page(name).named:
                if target.startswith(_OUTSIDE) or not target:
                    continue
                parts = urlsplit(target)
                path = os.path.normpath(os.path.join(os.path.dirname(name), unquote(parts.path))) if parts.path else name
                if path not in self.files:
                    found.append(f"{name}: {target} is not there")
                elif parts.fragment and path.endswith(".html") and unquote(parts.fragment) not in self.page(path).places:
                    found.append(f"{name}: {target} leads to no place")
        return found


def cordbook() -> list[str]:
    return [sys.executable, "-c", "import sys; from cordbook.cli import main; sys.exit(main(['build']))"]


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root / "analysis"), "PYTHONWARNINGS": "ignore"}


def built(root: Path) -> float:
    """Seconds of a build that runs to its end."""
    begun = time.perf_counter()
    done = subprocess.run(cordbook(), cwd=root, env=environment(root), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the build fails: {done.stderr[-2000:]}")
    return time.perf_counter() - begun


def change_note(root: Path, study: str, text: str) -> None:
    """Write another note on a study, as a person would; everything else of the table stays as it is."""
    path = root / "data" / "studies.csv"
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    note = rows[0].index("note")
    for row in rows[1:]:
        if row[0] == study:
            row[note] = text
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    path.write_text(out.getvalue(), encoding="utf-8")


def wait_for_publishing(root: Path, process: subprocess.Popen[bytes]) -> None:
    """Until the new site is being put together beside the old one."""
    while process.poll() is None and not list((root / "_build").glob(".swap-*")):
        time.sleep(0.002)


def killed(root: Path, after: float, group: bool, publishing: bool) -> tuple[bool, int]:
    """Begin a build and kill it, alone or with its group; whether it still ran, and the group."""
    process = subprocess.Popen(
        cordbook(), cwd=root, env=environment(root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    if publishing:
        wait_for_publishing(root, process)
    try:
        process.wait(timeout=after)
        return False, process.pid
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL) if group else process.kill()
        process.wait()
        return True, process.pid


def end_rest(group: int) -> None:
    """What a builder that was killed alone has left running."""
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def sources(root: Path) -> dict[str, str]:
    """Digests of what people have written; notebooks by their sources alone, since a build stores outputs in them."""
    found = {p.relative_to(root).as_posix(): file_digest(p) for p in (root / "data").rglob("*") if p.is_file()}
    for name in ("references.bib", "_toc.yml", "_config.yml"):
        found[name] = file_digest(root / name)
    for path in [root / "index.ipynb", *sorted((root / "book").rglob("*.ipynb"))]:
        if path.name.startswith("."):  # left by the kill, swept by the next build
            continue
        cells = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4).cells
        found[path.relative_to(root).as_posix()] = json.dumps([cell.source for cell in cells])
    return found


def judge(root: Path, before: dict[str, str], wanted: list[str], estimates: Any) -> tuple[str, list[str]]:
    """Is the site that stands the old or a new one, and what is wrong with it?"""
    site = Site(root / "_build" / "html")
    problems = [f"{name} is not there" for name in wanted if name not in site.files]
    now = site.digests()
    kind = "old" if now == before else "new"
    problems += site.broken_links()
    if kind == "new":
        names = [name.removesuffix(".html") for name in site.files if name.endswith(".html") and not name.startswith("_static/")]
        problems += wrong_numbers(site.folder, estimates, names) + unread_marks(site.folder, names)
    return kind, problems


def run(
    root: Path, kills: int, rng: random.Random, report: Callable[[dict[str, Any]], None], *, publishing: bool = False
) -> dict[str, Any]:
    """Kill so many builds of the project at ``root``."""
    project = Project(root)
    print(f"first build: {built(root):.0f} s", flush=True)
    with (root / "data" / "studies.csv").open(encoding="utf-8", newline="") as file:
        studies = [row["study_id"] for row in csv.DictReader(file)]
    change_note(root, studies[0], "Looked at, for the length of a build.")
    length = built(root)
    print(f"a build with a change: {length:.0f} s", flush=True)
    estimates = load_estimates(root)
    wanted = [f"{p.relative_to(root).with_suffix('').as_posix()}.html" for p in pages(project)]
    wanted += [f"book/studies/{study}.html" for study in studies] + [f"book/estimates/{e.id}.html" for e in estimates]
    whole = Site(project.site)
    done: list[dict[str, Any]] = []
    failed: list[str] = []
    if known := [name for name in wanted if name not in whole.files] + whole.broken_links():
        raise SystemExit(f"the site is not whole before any kill: {known[:10]}")
    before = whole.digests()
    while len(done) < kills:
        turn = len(done) + 1
        study = rng.choice(studies)
        change_note(root, study, f"Looked at again, time {turn}.")
        written = sources(root)
        after, group = rng.uniform(0, PUBLISHING_S if publishing else length), turn % 2 == 0
        ran, left = killed(root, after, group, publishing)
        kind, problems = judge(root, before, wanted, estimates)
        end_rest(left)
        if sources(root) != written:
            problems.append("what people have written is not as it was")
        stands = Site(project.site).digests()
        page = (project.site / "book" / "studies" / f"{study}.html").read_text(encoding="utf-8")
        if kind == "new" and f"time {turn}." not in page:
            problems.append(f"a new site stands, and the page of {study} is not of it")
        before = stands
        if not ran:  # it was quicker than the one that was measured; no kill
            continue
        done.append({"after_s": round(after, 2), "killed": "all" if group else "builder", "site": kind, "problems": problems[:5]})
        failed += [f"kill {turn}: {problem}" for problem in problems]
        print(turn, f"{after:.0f} s", kind, len(problems), flush=True)
        report(result_of(done, length, failed))
    seconds = built(root)
    print(f"build after all kills: {seconds:.0f} s", flush=True)
    return result_of(done, length, failed)


def result_of(done: list[dict[str, Any]], length: float, failed: list[str]) -> dict[str, Any]:
    sites = {kind: sum(one["site"] == kind for one in done) for kind in ("old", "new")}
    return {"kills": len(done), "build_s": round(length, 1), "sites": sites, "failed": failed, "each": done}


def clone(source: Path, target: Path) -> Path:
    subprocess.run(["git", "clone", "--quiet", str(source), str(target)], check=True)
    return target


def differences(root: Path, temporary: Path) -> list[str]:
    """Files of the site that a build from nothing, of the same sources, writes otherwise."""
    fresh = clone(ROOT, temporary / "fresh")
    shutil.copytree(root / "data", fresh / "data", dirs_exist_ok=True)
    built(fresh)
    one, other = Site(root / "_build" / "html").digests(), Site(fresh / "_build" / "html").digests()
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--moment", choices=("anywhere", "publishing"), default="anywhere")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "kills.json")
    options = parser.parse_args()

    def write(result: dict[str, Any]) -> None:
        there = json.loads(options.out.read_text(encoding="utf-8")) if options.out.is_file() else {}
        there[options.moment] = {"seed": options.seed} | result
        options.out.write_text(json.dumps(there, indent=1) + "\n", encoding="utf-8")

    with tempfile.TemporaryDirectory(prefix="kills-") as temporary:
        root = clone(ROOT, Path(temporary) / "book")
        result = run(root, options.kills, random.Random(options.seed), write, publishing=options.moment == "publishing")
        result["other_than_a_build_from_nothing"] = differences(root, Path(temporary))
        write(result)
    print(json.dumps({k: v for k, v in result.items() if k != "each"}, indent=1))
    return 1 if result["failed"] or result["other_than_a_build_from_nothing"] else 0


if __name__ == "__main__":
    sys.exit(main())
