"""The same sources give the same bytes, in whatever folder and whatever order Python's hashes have."""

import os
import subprocess
import sys

from tests.publish.conftest import site_of, sources_to


def test_two_builds_in_two_folders_are_byte_identical(book, tmp_path):
    sites = []
    for place, seed in (("a", "1"), ("a much/longer name/for a folder", "2")):
        project = sources_to(book, tmp_path / place / "project")
        subprocess.run(
            [sys.executable, "-m", "cordbook", "build"],
            cwd=project.root,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo" if seed == "1" else "America/Lima"},
            check=True,
            capture_output=True,
        )
        notebooks = {
            p.relative_to(project.root).as_posix(): p.read_bytes()
            for p in project.root.rglob("*.ipynb")
            if "_build" not in p.parts
        }
        sites.append((site_of(project), notebooks))
    (one, notebooks_one), (other, notebooks_other) = sites
    assert notebooks_one == notebooks_other
    assert one.keys() == other.keys()
    assert [path for path in one if one[path] != other[path]] == []
    assert {"index.html", "searchindex.js", "objects.inv", "book/prose.html"} <= one.keys()
