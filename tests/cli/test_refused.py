"""Commands where the system refuses: one message with place, cause and remedy, the right exit code, and files as they were."""

from __future__ import annotations

import csv
import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cordbook.cli import main

COMMANDS = {
    "import": ["import", "new.ris", "--source", "PubMed", "--by", "AB"],
    "dedupe": ["dedupe", "--no-ask", "--by", "AB"],
    "screen": ["screen", "--as", "AB", "--import", "decisions.csv"],
    "references": ["references"],
    "validate": ["validate"],
    "build": ["build"],
}
#: What reads alone has nothing to write.
READS = {"validate"}
#: A file may hold so many bytes, fewer than what is to be written; of a build, fewer than a page.
LIMITS = [(name, limit) for name in COMMANDS for limit in ((700, 20_000) if name == "build" else (0, 700))]


def records(first: int, number: int) -> str:
    """Invented records."""
    return "".join(
        f"TY  - JOUR\nTI  - An invented trial of number {i} after injury of the cord\nAU  - Author{i}, A\nPY  - 2020\nJO  - Journal {i}\n"
        f"DO  - 10.1234/invented.{i}\nAB  - {'Invented. ' * 30}\nER  - \n\n"
        for i in range(first, first + number)
    )


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new review with records to judge, and what each command takes."""
    root = tmp_path_factory.mktemp("refused") / "falls"
    here = Path.cwd()
    os.chdir(root.parent)
    try:
        named = ["--title", "Exercise and falls", "--question", "Does exercise prevent falls?", "--author", "Example, Ada"]
        assert main(["new", root.name, *named]) == 0
        os.chdir(root)
        (root / "old.ris").write_text(records(1, 20))
        (root / "new.ris").write_text(records(18, 40))
        assert main(["import", "old.ris", "--source", "PubMed", "--by", "AB"]) == 0
        assert main(["import", "old.ris", "--source", "Embase", "--by", "AB"]) == 0
        assert main(["screen", "--as", "AB", "--export", "decisions.csv"]) == 0
        with Path("decisions.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        with Path("decisions.csv").open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, rows[0])
            out.writeheader()
            out.writerows(row | {"included": "1"} for row in rows)
    finally:
        os.chdir(here)
    return root


def run(root: Path, words: list[str], before: Callable[[], object] = lambda: None) -> subprocess.CompletedProcess[str]:
    code = "import sys; from cordbook.cli import main; sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=before,
        stdin=subprocess.DEVNULL,
    )


def files(root: Path) -> dict[str, bytes]:
    """What people have written: without what a build makes, of notebooks the sources alone."""
    found = (
        p
        for p in root.rglob("*")
        if p.is_file() and not {".cordbook", "_build", "__pycache__", "studies", "estimates"} & set(p.parts)
    )
    return {p.relative_to(root).as_posix(): written(p) for p in found}


def written(path: Path) -> bytes:
    if path.suffix != ".ipynb":
        return path.read_bytes()
    return json.dumps([cell["source"] for cell in json.loads(path.read_bytes())["cells"]]).encode()


def copied(fresh: Path, root: Path, name: str) -> Path:
    """A copy of the review in which a command has something to write."""
    shutil.copytree(fresh, root)
    if name == "references":
        (root / "references.bib").write_text("% another\n")
    return root


@pytest.mark.parametrize(("name", "limit"), LIMITS)
def test_where_nothing_more_can_be_written_it_is_told_and_the_files_are_as_they_were(fresh, tmp_path, name, limit):
    root = copied(fresh, tmp_path / "review", name)
    before = files(root)
    done = run(root, COMMANDS[name], lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert "Traceback" not in done.stderr
    if name in READS:
        assert done.returncode == 0, done.stdout
        return
    assert done.returncode in (1, 2), done.stderr
    told = done.stderr.split(f"cordbook {name}: ")[-1]
    assert "File too large" in told
    if name != "build":  # Sphinx and the kernels say it in their own words
        assert "cannot be written: File too large. Raise the limit of the size of files" in told
        assert len(told.splitlines()) == 1
    now = files(root)
    assert {path for path in before if now.get(path) != before[path]} == set()
    assert not [p for p in (root / "data").iterdir() if p.name.startswith(".")]
    assert not (root / "_build" / "html").exists()


def rights_of_others(root: Path) -> Callable[[], None]:
    """Let who runs next only read a folder: others' for root, who gives up its way past rights (a whole user might not read Python)."""
    if os.geteuid() != 0:
        for path in (root, *root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        return lambda: None
    for path in (root, *root.rglob("*")):
        os.chown(path, 65534, 65534)
        path.chmod(0o755 if path.is_dir() else 0o644)
    libc = ctypes.CDLL(None, use_errno=True)
    drop_of_bounding_set, past_rights = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE: <linux/prctl.h>, <linux/capability.h>

    def give_up() -> None:
        if libc.prctl(drop_of_bounding_set, past_rights, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")

    return give_up


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "build"])
def test_who_has_no_right_to_write_is_told_so(fresh, tmp_path, name):
    root = copied(fresh, tmp_path / "review", name)
    before = files(root)
    done = run(root, COMMANDS[name], rights_of_others(root))
    assert "Traceback" not in done.stderr
    assert files(root) == before
    if name in READS:
        assert done.returncode == 0, done.stdout
        return
    assert done.returncode in (1, 2)
    assert "written: Permission denied. Get the right to write there" in done.stderr
