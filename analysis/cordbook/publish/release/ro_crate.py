"""RO-Crate 1.1 metadata of an archive (https://w3id.org/ro/crate/1.1): what it holds, and under which licence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cordbook.publish.release.licences import NOT_CHOSEN, Licences, address, full_name
from cordbook.review.reporting.freezing import to_json
from cordbook.review.versions.releases import ESTIMATES, FOLDER, MANIFEST, ROWS, Manifest

FILE = "ro-crate-metadata.json"
#: Where the authors have not chosen a licence.
_RESERVED = "#all-rights-reserved"
_CSV = {"encodingFormat": "text/csv"}
_TYPES = {
    ".json": "application/json",
    ".html": "text/html",
    ".cff": "application/yaml",
    ".lock": "text/plain",
    ".md": "text/markdown",
}


def metadata(source: Path, manifest: Manifest, sizes: Mapping[str, tuple[int, str]]) -> str:
    """The text of ``ro-crate-metadata.json``; ``sizes`` are size and SHA-256 of each file by its path in the archive."""
    about = _about(source)
    version = str(manifest.version)
    tables = _tables(source)
    licences = Licences.of(about)
    content, code = (address(name) if name else _RESERVED for name in (licences.content, licences.code))
    folder = f"source/{FOLDER}/{version}"
    named = {
        "html/index.html": "The book: its first page",
        "source/CITATION.cff": "How to cite",
        "source/README.md": "How to build the book",
        "source/requirements.lock": "The exact packages that it was built with",
        f"{folder}/{ESTIMATES}": "Every estimate of this version with rows, settings and conclusions",
        f"{folder}/{ROWS}": "The rows of the evidence behind the estimates",
        f"{folder}/{MANIFEST}": "Digests of all data, code and lock files; dates of searches; counts for PRISMA-LSR",
        "source/data/datapackage.json": "The schema of all tables",
        **{f"source/data/{path}": description for path, description in tables.items()},
    }
    files = [_file(path, text, sizes) for path, text in named.items() if path in sizes]
    datasets = [
        _dataset("html/", "The book", "The built book; open html/index.html in a browser, no server needed.", content),
        _dataset("source/", "The source", "All files as in the version control system.", code),
        _dataset(
            "source/data/",
            "The evidence",
            "One table a file, described by datapackage.json (a Frictionless Data Package).",
            content,
        )
        | {"conformsTo": {"@id": "https://specs.frictionlessdata.io/data-package/"}},
    ]
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"{about['title']}, version {version}",
        "description": " ".join(about["abstract"].split()),
        "version": version,
        "datePublished": manifest.date.isoformat(),
        "dateModified": manifest.date.isoformat(),
        "license": {"@id": content},
        "keywords": ", ".join(about["keywords"]),
        "author": _one_or_all([{"@id": a["@id"]} for a in _authors(about)]),
        **_publisher(about),
        "creativeWorkStatus": manifest.state,
        "hasPart": [{"@id": part["@id"]} for part in (*datasets, *files)],
    }
    graph = [
        {
            "@id": FILE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        root,
        *datasets,
        *files,
        *_authors(about),
        *_licence_entities(licences),
        _page("https://specs.frictionlessdata.io/data-package/", "Data Package"),
    ]
    return to_json({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})


def _about(source: Path) -> Mapping[str, Any]:
    """What CITATION.cff says; the state of the review where there is none."""
    path = source / "CITATION.cff"
    if path.is_file():
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    title = yaml.safe_load((source / "data" / "review.yml").read_text(encoding="utf-8"))["title"]
    return {"title": title, "abstract": title, "keywords": ["systematic review"], "authors": [{"name": "The contributors"}]}


def _tables(source: Path) -> dict[str, str]:
    package = json.loads((source / "data" / "datapackage.json").read_text(encoding="utf-8"))
    return {r["path"]: r.get("description") or r.get("title") or r["name"] for r in package["resources"]}


def _authors(about: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    for place, author in enumerate(about["authors"], start=1):
        person = "name" not in author
        name = " ".join(author[k] for k in ("given-names", "family-names") if k in author) if person else author["name"]
        found.append(
            {"@id": author.get("orcid", f"#author-{place}"), "@type": "Person" if person else "Organization", "name": name}
        )
    return found


def _one_or_all(items: list[dict[str, str]]) -> dict[str, str] | list[dict[str, str]]:
    """A list of one as that one, as the specification asks."""
    return items[0] if len(items) == 1 else items


def _publisher(about: Mapping[str, Any]) -> dict[str, Any]:
    """The first group among the authors; nothing where all are people."""
    groups = [a for a in _authors(about) if a["@type"] == "Organization"]
    return {"publisher": {"@id": groups[0]["@id"]}} if groups else {}


def _file(path: str, text: str, sizes: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    size, digest = sizes[path]
    kind = _CSV if path.endswith(".csv") else {"encodingFormat": _TYPES.get(Path(path).suffix, "text/plain")}
    return {
        "@id": path,
        "@type": "File",
        "name": Path(path).name,
        "description": " ".join(text.split()),
        **kind,
        "contentSize": str(size),
        "sha256": digest,
    }


def _dataset(path: str, name: str, text: str, licence: str) -> dict[str, Any]:
    return {"@id": path, "@type": "Dataset", "name": name, "description": text, "license": {"@id": licence}}


def _licence_entities(licences: Licences) -> list[dict[str, str]]:
    if licences.content is None or licences.code is None:
        return [{"@id": _RESERVED, "@type": "CreativeWork", "name": "All rights reserved", "description": NOT_CHOSEN}]
    if licences.content == licences.code:
        return [_licence(licences.code, "Text, figures, data and code.")]
    return [_licence(licences.content, "Text, figures and data."), _licence(licences.code, "Code.")]


def _licence(name: str, text: str) -> dict[str, str]:
    return {"@id": address(name), "@type": "CreativeWork", "name": full_name(name), "description": text, "url": address(name)}


def _page(address: str, name: str) -> dict[str, str]:
    return {"@id": address, "@type": "CreativeWork", "name": name}
