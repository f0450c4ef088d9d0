"""Compare requirements-test.lock, which holds requirements.lock, with a database of known vulnerabilities that is at hand, for make audit. Nothing is fetched.

    python tools/audit.py [DATABASE]

``DATABASE`` is a file or folder of records in the OSV format: a checkout of the PyPA advisory database (YAML), one record or a list of
them (JSON), or the export of all records of an ecosystem (zip of JSON). Ends with 0 where the lock has no known vulnerability, 1 where it
has one, 2 where nothing was compared.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from yaml import YAMLError

from cordbook.core.trust.regular import read_regular
from cordbook.core.yaml import load_yaml

ROOT = Path(__file__).resolve().parents[1]
#: An export of all records of Python packages had some 20 MB in 2026; a record is a page of text.
MOST_DATABASE, MOST_RECORD = 2**30, 16 * 2**20
NONE_AT_HAND = """\
audit: not done: no database of vulnerabilities is at hand, and none is fetched.
  Get the advisory database of the Python Packaging Authority once, and name it:
    git clone https://github.com/pypa/advisory-database
    make audit AUDIT_DB=advisory-database
  A folder or a file of records in the OSV format (YAML, JSON, or a zip of JSON) does as well."""


@dataclass(frozen=True)
class Finding:
    """A locked package that a record calls vulnerable."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    summary: str

    def line(self) -> str:
        known = f" ({', '.join(self.aliases)})" if self.aliases else ""
        mended = f"mended in {', '.join(self.fixed)}" if self.fixed else "no version mends it"
        return f"{self.package} {self.version}: {self.id}{known}, {mended}. {self.summary}".rstrip()


class NoDatabase(Exception):
    """What was named holds no record that can be read; the message says where and why."""


def locked(text: str) -> dict[str, Version]:
    """Packages and versions of a lock file.

    >>> locked("numpy==2.1.0 \\\\\\n    --hash=sha256:ab\\n# note\\nFoo_Bar[x]==1")
    {'numpy': <Version('2.1.0')>, 'foo-bar': <Version('1')>}
    """
    pins = re.findall(r"(?m)^([A-Za-z0-9][\w.-]*)(?:\[[\w,.-]+\])?==([^\s;\\]+)", text)
    return {str(canonicalize_name(name)): Version(version) for name, version in pins}


def findings(packages: Mapping[str, Version], records: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Every locked package that a record names at its version; withdrawn records count for nothing."""
    found = []
    for record in records:
        if record.get("withdrawn"):
            continue
        for affected in record.get("affected") or ():
            package = affected.get("package") or {}
            name = str(canonicalize_name(str(package.get("name", ""))))
            if package.get("ecosystem") != "PyPI" or name not in packages or not is_affected(packages[name], affected):
                continue
            fixed = tuple(str(event["fixed"]) for events in _ranges(affected) for event in events if "fixed" in event)
            aliases = tuple(map(str, record.get("aliases") or ()))
            summary = str(record.get("summary") or record.get("details") or "").strip().split("\n")[0][:200]
            found.append(Finding(name, str(packages[name]), str(record["id"]), aliases, fixed, summary))
    return sorted(set(found), key=lambda one: (one.package, one.id))


def is_affected(version: Version, affected: Mapping[str, Any]) -> bool:
    """Is a version listed, or within a range: from each ``introduced`` to the next ``fixed`` (not with it) or ``last_affected`` (with it)?"""
    if any(_version(listed) == version for listed in affected.get("versions") or ()):
        return True
    return any(_is_within(version, events) for events in _ranges(affected))


def _is_within(version: Version, events: Iterable[Mapping[str, Any]]) -> bool:
    inside = False
    dated = [(_version(value), kind) for event in events for kind, value in event.items() if kind in _KINDS]
    for at, kind in sorted(
        ((at, kind) for at, kind in dated if at is not None), key=lambda pair: (pair[0], _KINDS.index(pair[1]))
    ):
        if kind == "last_affected":
            inside = inside and version <= at
        elif at <= version:
            inside = kind == "introduced"
    return inside


#: Of events at the same version, the one that ends a range comes first.
_KINDS = ("fixed", "introduced", "last_affected")


def _ranges(affected: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """The events of each range of versions; those of commits name no version."""
    yield from (part.get("events") or [] for part in affected.get("ranges") or () if part.get("type") == "ECOSYSTEM")


def _version(text: Any) -> Version | None:
    """A version; ``0`` is before all. None where a record names what is no version."""
    try:
        return Version("0.dev0" if str(text) == "0" else str(text))
    except InvalidVersion:
        return None


def records(database: Path) -> Iterator[Mapping[str, Any]]:
    """The records of a database; raises :class:`NoDatabase` for a part that is none."""
    for place, content in _texts(database):
        try:
            read = load_yaml(content.decode()) if place.endswith((".yaml", ".yml")) else json.loads(content)
        except (ValueError, RecursionError, YAMLError) as error:
            raise NoDatabase(f"{place} cannot be read: {str(error).splitlines()[0]}") from None
        for record in read if isinstance(read, list) else [read]:
            if not isinstance(record, Mapping) or "id" not in record or ("affected" not in record and "withdrawn" not in record):
                raise NoDatabase(f"{place} is no record in the OSV format: it has no id or no affected packages.")
            yield record


def _texts(database: Path) -> Iterator[tuple[str, bytes]]:
    """Place and content of every file of records."""
    if database.is_dir():
        for path in sorted(p for p in database.rglob("*") if p.suffix in (".yaml", ".json")):
            if not any(part.startswith(".") for part in path.relative_to(database).parts):
                yield str(path), read_regular(path, MOST_RECORD)
    elif database.suffix == ".zip":
        with zipfile.ZipFile(database) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".json") and entry.file_size <= MOST_RECORD:
                    yield f"{database}: {entry.filename}", archive.read(entry)
    else:
        yield str(database), read_regular(database, MOST_DATABASE)


def main(arguments: list[str], lock: Path = ROOT / "requirements-test.lock") -> int:
    if not arguments or not arguments[0]:
        print(NONE_AT_HAND, file=sys.stderr)
        return 2
    packages = locked(lock.read_text(encoding="utf-8"))
    try:
        read = list(records(Path(arguments[0])))
        if not read:
            raise NoDatabase(
                f"{arguments[0]} holds no record. Give a checkout of the advisory database, or a file in the OSV format."
            )
        found = findings(packages, read)
    except (NoDatabase, OSError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        print(f"audit: not done: {error}", file=sys.stderr)
        return 2
    for finding in found:
        print(finding.line())
    print(f"audit: {len(packages)} locked packages, {len(read)} records, {len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
