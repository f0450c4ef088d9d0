"""Exports of databases that no program may ask: read, taken in, and what could not be read written to a file of rejects."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cordbook.core.files import write_whole
from cordbook.core.project import Project
from cordbook.errors import CordbookError
from cordbook.intake.imports.encodings import decode
from cordbook.intake.imports.parsers import Parsed, Reject, parse
from cordbook.intake.imports.parsers.origin import of_one_source
from cordbook.intake.records.record import Record, short_name, slug
from cordbook.intake.records.store import read_rows, take_in, writing

#: No export of records is larger; a video named .ris is.
LARGEST = 1024 * 2**20


class CannotImport(CordbookError):
    """A file that cannot be imported at all; nothing was written."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. ``new + known + len(rejects) == seen``: nothing is lost silently."""

    file: str
    form: str
    encoding: str
    search_id: str
    source: str
    seen: int
    new: tuple[str, ...]
    known: int
    rejects: tuple[Reject, ...]
    rejects_file: Path | None = None
    #: How many records the database said it gave, if the caller knows.
    promised: int | None = None

    @property
    def whole(self) -> bool:
        """Is everything in, as far as anyone can tell?"""
        return bool(self.seen) and not self.rejects and self.promised in (None, self.seen)


def read(path: Path, form: str = "", encoding: str = "", source: str = "") -> tuple[Parsed, str, bytes]:
    """The records of a file, the encoding that was found, and its bytes. ``source`` stands above what the records say."""
    try:
        if path.stat().st_size > LARGEST:
            raise CannotImport(f"{path} is larger than {LARGEST // 2**20} MB; export it in parts")
        data = path.read_bytes()
    except OSError as error:
        raise CannotImport(f"{path} cannot be read: {error.strerror}") from error
    text, encoding = decode(data, encoding)
    found = parse(text, form)
    # Files that tools for NBIB, CNKI and tables write do not always name their source; the format does.
    databases = {"NBIB": "PubMed", "Web of Science text": "Web of Science", "CNKI text": "CNKI", "Cochrane text": "CENTRAL"}
    placed = of_one_source([record for _, record in found.records], source, databases.get(found.form, ""))
    return replace(found, records=tuple((line, r) for (line, _), r in zip(found.records, placed, strict=True))), encoding, data


def import_file(
    project: Project,
    path: Path,
    today: str,
    by: str,
    *,
    strategy: str = "",
    searched_on: str = "",
    promised: int | None = None,
    **how: str,
) -> Imported:
    """Take in one file. ``strategy``: the saved search that gave it; ``how``: form, encoding and source for :func:`read`.

    ``promised``: how many records the database said it gave. Damage that leaves well-formed text cannot be seen in the text; a
    count that does not add up can.
    """
    parsed, encoding, data = read(path, **how)
    digest = hashlib.sha256(data).hexdigest()[:12]
    records = [record for _, record in parsed.records]
    if not records:
        rejects_file = _write_rejects(project, path, digest, parsed.rejects)
        source = how.get("source", "")
        return Imported(path.name, parsed.form, encoding, "", source, parsed.seen, (), 0, parsed.rejects, rejects_file, promised)
    source = how.get("source") or Counter(r.source for r in records).most_common(1)[0][0]
    day = searched_on or today
    notes = [f"export {slug(path.name)}"]
    if parsed.rejects:
        notes.append(f"{len(parsed.rejects)} parts could not be read")
    adds_up = promised in (None, parsed.seen)
    if not adds_up:
        notes.append(f"the database gave {promised}, the file holds {parsed.seen}")
    with writing(project.kept):
        before = next((r for r in read_rows(project.data, "searches") if r["search_id"].endswith(f".{digest}")), None)
        search = before or {
            "search_id": f"{strategy or short_name(source)}-{day}.{digest}",
            "strategy_id": strategy,
            "source": source,
            "searched_on": day,
            "searched_by": by,
            "since": "",
            "hits": str(max(promised or 0, parsed.seen)),
            "fetched": str(len(records)),
            "complete": "yes" if adds_up and not parsed.rejects else "no",
            "query_as_run": "",
            "note": "; ".join(notes),
        }
        new, known = take_in(project.data, search, records, lambda r: strategy or _prefix(r), trusted=False)
    rejects_file = _write_rejects(project, path, digest, parsed.rejects)
    return Imported(
        path.name,
        parsed.form,
        encoding,
        search["search_id"],
        source,
        parsed.seen,
        tuple(new),
        known,
        parsed.rejects,
        rejects_file,
        promised,
    )


def known_strategy(project: Project, strategy: str) -> Mapping[str, str]:
    """The saved search of that key; raises :class:`CannotImport`."""
    rows = {row["strategy_id"]: row for row in read_rows(project.data, "search_strategies")}
    if strategy not in rows:
        raise CannotImport(f"no saved search has the key {strategy!r}. There are: {', '.join(rows)}")
    return rows[strategy]


def _prefix(record: Record) -> str:
    return short_name(record.source) or "other"


def _write_rejects(project: Project, path: Path, digest: str, rejects: tuple[Reject, ...]) -> Path | None:
    """The rejects as a file of their own, to be mended and imported."""
    if not rejects:
        return None
    target = project.kept / "rejects" / f"{slug(path.stem)}.{digest}{path.suffix if path.suffix.isascii() else ''}.rejects.txt"
    text = "".join(f"# lines {r.first} to {r.last}: {r.why}\n{r.text}\n\n" for r in rejects)
    write_whole(target, text.encode(errors="replace"), durable=True)
    return target
