"""Tell which tables hold fewer rows than they did: in the last commit where the project is a git checkout, and in the last release.

Rows leave a review now and then, and a file that was cut short loses them too. Which it was nobody but a person can say, so it is a warning.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from cordbook.core.csv_files import NotCsv, decode, parse
from cordbook.core.trust.nested import read_json
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules.validation import KEPT_RULES
from cordbook.evidence.schema import Package
from cordbook.review.versions.releases import FOLDER, ROWS, list_releases

(RULE,) = KEPT_RULES
#: A git that does not answer is no reason to wait with the validation.
_LONGEST_S = 10


def lost_rows(data: Path, package: Package, rows: Mapping[str, int]) -> Iterator[Problem]:
    """Tables of a data folder with fewer rows than before; ``rows`` is how many each has today, by its path in the folder."""
    root = data.resolve().parent
    told = set()
    for since, before in (("the last commit", _committed(root, data.name, rows)), _released(root, package)):
        for path, count in sorted(before.items()):
            now = rows.get(path, 0)
            if now < count and path not in told:
                told.add(path)
                message = f"{count - now} of the {count} rows of {since} {'is' if count - now == 1 else 'are'} gone."
                remedy = "If they were taken out on purpose, nothing is to do; else restore the file."
                yield Problem(path, None, None, None, RULE, message, remedy, severity="warning", key=path)


def _committed(root: Path, folder: str, rows: Mapping[str, int]) -> dict[str, int]:
    """Rows of the tables in the last commit, of those that differ from it."""
    if not (root / ".git").exists():
        return {}
    changed = _git(root, "diff", "--name-only", "-z", "--no-renames", "HEAD", "--", folder)
    names = [name.removeprefix(f"{folder}/") for name in changed.decode(errors="replace").split("\0") if name.endswith(".csv")]
    tables = [name for name in names if name in rows]
    return {name: _rows_in(_git(root, "show", f"HEAD:{folder}/{name}")) for name in tables}


def _git(root: Path, *arguments: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False, timeout=_LONGEST_S)
    except (OSError, subprocess.SubprocessError, ValueError):
        return b""
    return b"" if done.returncode else done.stdout


def _rows_in(content: bytes) -> int:
    try:
        return len(parse(decode(content), strict=False).rows)
    except NotCsv:
        return 0


def _released(root: Path, package: Package) -> tuple[str, dict[str, int]]:
    """The last release by name, and the rows of the tables that it froze."""
    there = list_releases(root)
    if not there:
        return "", {}
    paths = {table.name: table.path for table in package.tables}
    try:
        frozen = read_json(root / FOLDER / str(there[-1]) / ROWS)["tables"]
        counts = {paths[name]: len(rows) for name, rows in frozen.items() if name in paths}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # cordbook verify tells what is wrong with a release
        counts = {}
    return f"release {there[-1]}", counts
