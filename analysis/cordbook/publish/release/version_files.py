"""The files that carry the version: the package, CITATION.cff, .zenodo.json, codemeta.json and the changelog."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cordbook.errors import CordbookError
from cordbook.evidence.review_state import load_status
from cordbook.publish.release.licences import Licences, address
from cordbook.review.reporting.freezing import to_json
from cordbook.review.versions.causes import ADDED, CORRECTED, REMOVED
from cordbook.review.versions.diff import Comparison, EstimateChange
from cordbook.review.versions.releases import Frozen
from cordbook.review.versions.steps import counted, listed

CITATION, ZENODO, CODEMETA, CHANGELOG = "CITATION.cff", ".zenodo.json", "codemeta.json", "CHANGELOG.md"
#: The state of a review. Where it names no version, the review has that of the package beside it.
STATE = "data/review.yml"
_UNRELEASED = "## [Unreleased]"
#: Files with one line that holds the version, and that line.
_LINES = {
    "analysis/cordbook/__init__.py": re.compile(r"^(__version__ = ).*$", re.M),
    "pyproject.toml": re.compile(r"^(version = ).*$", re.M),
    STATE: re.compile(r"^(version: ).*$", re.M),
}


class NoVersionLine(CordbookError, ValueError):
    """A file that carries the version has no line for it."""


def versioned(root: Path, version: str, date: dt.date | None) -> dict[str, str]:
    """New texts of the files that carry the version, by path; files that a project does not have are left out.

    Without a date only the package, or the state of the review, is set to the version, as between two releases.
    """
    texts = {path: _one_line(root, path, line, version) for path, line in _LINES.items() if _carries(root / path, line)}
    if date is not None and (root / CITATION).is_file():
        text = _cited((root / CITATION).read_text(encoding="utf-8"), version, date)
        about = yaml.safe_load(text)
        project = _project(root)
        texts |= {
            CITATION: text,
            ZENODO: to_json(zenodo(about, version, date)),
            CODEMETA: to_json(codemeta(about, project, version, date, name=load_status(root / "data").name)),
        }
    return texts


def _carries(path: Path, line: re.Pattern[str]) -> bool:
    """Whether a file is there to carry the version; the state of a review may leave it to the package."""
    return path.is_file() and (path.name != Path(STATE).name or bool(line.search(path.read_text(encoding="utf-8"))))


def _one_line(root: Path, path: str, line: re.Pattern[str], version: str) -> str:
    text, found = line.subn(rf'\g<1>"{version}"', (root / path).read_text(encoding="utf-8"))
    if found != 1:
        raise NoVersionLine(f"{path}: {found} lines set the version; there must be one")
    return text


def _cited(text: str, version: str, date: dt.date) -> str:
    for name, value in (("version", version), ("date-released", f'"{date.isoformat()}"')):
        text, found = re.subn(rf"^{name}:.*$", f"{name}: {value}", text, flags=re.M)
        if found != 1:
            raise NoVersionLine(f"{CITATION}: {found} lines begin with {name}: ; there must be one")
    return text


def _project(root: Path) -> Mapping[str, Any]:
    path = root / "pyproject.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))["project"] if path.is_file() else {}


def _authors(about: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Authors of CITATION.cff as (given, family, name), people and groups."""
    for author in about["authors"]:
        person = {
            "given": author.get("given-names", ""),
            "family": author.get("family-names", ""),
            "orcid": author.get("orcid", ""),
        }
        yield {"name": author["name"]} if "name" in author else {k: v for k, v in person.items() if v}


def zenodo(about: Mapping[str, Any], version: str, date: dt.date) -> dict[str, Any]:
    """The deposit metadata of Zenodo (https://developers.zenodo.org, field names of its legacy format)."""
    creators, licences = [], Licences.of(about)
    for author in _authors(about):
        name = author.get("name") or ", ".join(p for p in (author.get("family"), author.get("given")) if p)
        orcid = author.get("orcid", "").rpartition("/")[2]
        creators.append({"name": name} | ({"orcid": orcid} if orcid else {}))
    return {
        "title": about["title"],
        "description": " ".join(about["abstract"].split()),
        "upload_type": "software",
        "access_right": "open",
        "creators": creators,
        "keywords": about["keywords"],
        "language": "eng",
        **({"license": licences.content.lower()} if licences.content else {}),
        "notes": licences.text,
        "publication_date": date.isoformat(),
        "version": version,
    }


def codemeta(about: Mapping[str, Any], project: Mapping[str, Any], version: str, date: dt.date, *, name: str) -> dict[str, Any]:
    """The software metadata of CodeMeta 3.0 (https://codemeta.github.io/terms/)."""
    authors = []
    for author in _authors(about):
        if "name" in author:
            authors.append({"type": "Organization", "name": author["name"]})
        else:
            names = {"givenName": author.get("given"), "familyName": author.get("family"), "id": author.get("orcid")}
            authors.append({"type": "Person"} | {k: v for k, v in names.items() if v})
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "type": "SoftwareSourceCode",
        "name": name,
        "description": about["title"],
        "abstract": " ".join(about["abstract"].split()),
        "version": version,
        "datePublished": date.isoformat(),
        "author": authors,
        **({"license": [address(licence) for licence in licences]} if (licences := Licences.of(about).names) else {}),
        "keywords": about["keywords"],
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project.get('requires-python', '')}".strip(),
        "softwareRequirements": list(project.get("dependencies", ())),
        "developmentStatus": "active",
    }


def changelog(text: str, version: str, date: dt.date, lines: list[str]) -> str:
    """The changelog with a section of this version: what changed in the results, then what stood under Unreleased."""
    head, mark, rest = text.partition(_UNRELEASED)
    if not mark:
        head, rest = (text.rstrip() + "\n\n" if text.strip() else "# Changelog\n\n"), ""
    before, next_section, older = rest.partition("\n## [")
    results = "\n".join(f"- {line}" for line in lines)
    section = f"## [{version}] - {date.isoformat()}\n\n### Results\n{results}\n\n{before.strip()}".rstrip()
    return f"{head}{_UNRELEASED}\n\n{section}\n" + (f"{next_section}{older}" if next_section else "")


def results_lines(comparison: Comparison | None, frozen: Frozen, labels: Mapping[str, str]) -> list[str]:
    """What changed in the results, one line each: evidence, estimates with old and new value and cause, conclusions.

    ``labels`` are how studies are named.
    """
    if comparison is None:
        sizes = f"{len(frozen.rows['studies']):,} study reports, {len(frozen.rows['outcomes']):,} outcome counts"
        return [f"First release: {sizes}, {len(frozen.estimates):,} estimates."]
    return [
        *_evidence(comparison, labels),
        *_moved(comparison),
        *(f"Conclusion changed: {c.describe()}." for c in comparison.conclusions),
        *(f"Guard edited: {c.describe()}." for c in comparison.bounds),
    ] or ["No estimate moved."]


def _evidence(comparison: Comparison, labels: Mapping[str, str]) -> Iterator[str]:
    new = sorted(labels.get(c.key, c.key) for c in comparison.rows if c.kind == ADDED and c.table == "studies")
    if new:
        yield f"New study reports ({len(new)}): {listed(new)}."
    yield from comparison.retraction_lines(labels)
    for kind in (ADDED, REMOVED, CORRECTED):
        rows = list(dict.fromkeys((c.table, c.key) for c in comparison.rows if c.kind == kind))
        if rows:
            yield f"Rows {kind}: {', '.join(f'{n:,} of {table}' for table, n in counted([t for t, _ in rows]))}."


def _moved(comparison: Comparison) -> Iterator[str]:
    """Estimates of their own line by line; subgroups, and those with the same number, as counts."""
    whole = [c for c in comparison.changes if "--" not in c.id and c.kind != "same number"]
    yield from (_line(change) for change in whole)
    parts = sum("--" in c.id and c.kind != "same number" for c in comparison.changes)
    if parts:
        yield f"Subgroups that moved, came or went: {parts}."


def _line(change: EstimateChange) -> str:
    def format_estimate(estimate: Any) -> str:
        return "none" if estimate is None else f"{estimate.words['short']}, k = {estimate.k}"

    return f"`{change.id}`: {format_estimate(change.before)} → {format_estimate(change.after)}. Cause: {listed([c.describe() for c in change.causes])}."
