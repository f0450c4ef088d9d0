"""Exports of databases that no program may ask: read, taken in, and what could not be read written to a file of rejects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from cordbook.core.csv_files import SIGNATURES
from cordbook.core.files import write_whole
from cordbook.core.project import Project
from cordbook.errors import CordbookError
from cordbook.intake.imports.encodings import decode
from cordbook.intake.imports.parsers import FORMS, Parsed, Reject, parse
from cordbook.intake.imports.parsers.origin import of_one_source
from cordbook.intake.records.record import Record, short_name, slug
from cordbook.intake.records.store import read_rows, refused_by_rules, take_in, writing, wrong_in_search

#: No export of records is larger; a video named .ris is.
LARGEST = 1024 * 2**20
#: The source of files that do not always name it, by their format.
BY_FORMAT = {
    "NBIB": "PubMed",
    "PubMed XML": "PubMed",
    "Web of Science text": "Web of Science",
    "CNKI text": "CNKI",
    "Cochrane text": "CENTRAL",
}
#: What an import says of its records, besides the title, which each has.
TOLD = ("authors", "year", "container", "doi", "abstract")
#: How the name of a file of rejects ends, its first line, and the lines in it that are ours.
REJECTS = ".rejects.txt"
_FIRST_LINE = re.compile(r"# cordbook rejects; search (?P<search>\S+); format (?P<form>.+)\n")
_OWN_LINE = re.compile(r"(?m)^# (?:cordbook rejects; search |lines \d+ to \d+: ).*$")


class CannotImport(CordbookError):
    """A file that cannot be imported at all; nothing was written."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a file. ``len(new) + known`` and the records of the rejects are ``seen``: nothing is lost silently."""

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
    #: How many of the records have each of :data:`TOLD`, and what of the file was not used: its ``unit`` is tags, columns, fields.
    having: Mapping[str, int] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    unit: str = "tags"
    #: The search that these records were missing from, where the file is one of rejects, and whether it is whole now.
    mended: bool = False

    @property
    def whole(self) -> bool:
        """Is everything in, as far as anyone can tell?"""
        return (bool(self.seen) or self.mended) and not self.rejects and self.promised in (None, self.seen)


@dataclass(frozen=True, slots=True)
class File:
    """A file read: its records, how its bytes were read, and the search that it mends, if it is one of rejects."""

    parsed: Parsed
    encoding: str
    data: bytes
    text: str
    mends: str = ""


def read(path: Path, form: str = "", encoding: str = "", source: str = "") -> tuple[Parsed, str, bytes]:
    """The records of a file, the encoding that was found, and its bytes. ``source`` stands above what the records say."""
    found = _read(path, form, encoding, source)
    return found.parsed, found.encoding, found.data


def _read(path: Path, form: str = "", encoding: str = "", source: str = "") -> File:
    try:
        if path.stat().st_size > LARGEST:
            raise CannotImport(f"{path} is larger than {LARGEST // 2**20} MB; export it in parts")
        data = path.read_bytes()
    except OSError as error:
        raise CannotImport(f"{path} cannot be read: {error.strerror}") from error
    for signature, kind, remedy in SIGNATURES:
        if data.startswith(signature) and not kind.startswith("UTF-16"):
            raise CannotImport(
                f"{path} is {kind}, not an export. {remedy} Or export the records anew as RIS, NBIB, BibTeX or CSV."
            )
    text, encoding = decode(data, encoding)
    mends = _FIRST_LINE.match(text)
    if mends:
        # Our own lines alone; they are left blank, so that the numbers of the others stay.
        text = _OWN_LINE.sub("", text)
        form = form or FORMS.get(mends["form"], "")
    found = parse(text, form, part=bool(mends))
    placed = of_one_source([record for _, record in found.records], source, BY_FORMAT.get(found.form, ""))
    records = tuple((line, record) for (line, _), record in zip(found.records, placed, strict=True))
    return File(replace(found, records=records), encoding, data, text, mends["search"] if mends else "")


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
    count that does not add up can. A file of rejects that was mended completes the search that it belongs to.
    """
    file = _read(path, **how)
    digest = hashlib.sha256(file.data).hexdigest()[:12]
    mends = next((r for r in read_rows(project.data, "searches") if file.mends and r["search_id"] == file.mends), None)
    if mends:
        strategy, how = mends["strategy_id"], how | {"source": mends["source"]}
    file = _accepted(file, refused_by_rules(project.data))
    parsed = file.parsed
    records = [replace(r, source=mends["source"]) if mends else r for _, r in parsed.records]
    source = how.get("source") or (records[0].source if records else "")
    done = Imported(
        path.name, parsed.form, file.encoding, mends["search_id"] if mends else "", source, parsed.seen, (), 0, parsed.rejects,
        promised=promised, having=_having(records), unused=parsed.unused, unit=parsed.unit, mended=bool(mends),
    )  # fmt: skip
    if not records and not (mends and not parsed.rejects):
        return replace(done, rejects_file=_write_rejects(project, path, digest, parsed, file.mends))
    search = mends or _search_of(project, path, file, digest, done, strategy=strategy, day=searched_on or today, by=by)
    if wrong := wrong_in_search(project.data, search):
        raise CannotImport(f"{path.name}: {wrong}")
    settle = (lambda fresh: _completed(mends, fresh, digest, whole=not parsed.rejects)) if mends else None
    with writing(project.kept):
        new, known = take_in(project.data, search, records, lambda r: strategy or _prefix(r), trusted=False, settle=settle)
    rejects_file = _write_rejects(project, path, digest, parsed, search["search_id"])
    return replace(done, search_id=search["search_id"], new=tuple(new), known=known, rejects_file=rejects_file)


def _accepted(file: File, why: Callable[[Record], str]) -> File:
    """A file whose records the rules of the evidence take; the others are among its rejects, with their lines."""
    parsed, lines = file.parsed, file.text.splitlines()
    starts = sorted([*(line for line, _ in parsed.records), *(r.first for r in parsed.rejects), len(lines) + 1])
    kept, refused = [], []
    for line, record in parsed.records:
        if reason := why(record):
            last = max(line, next(start for start in starts if start > line) - 1)
            refused.append(Reject(line, last, reason, "\n".join(lines[line - 1 : last]).rstrip()))
        else:
            kept.append((line, record))
    rejects = tuple(sorted([*parsed.rejects, *refused], key=lambda r: r.first))
    return replace(file, parsed=replace(parsed, records=tuple(kept), rejects=rejects))


def _having(records: Sequence[Record]) -> dict[str, int]:
    return {name: sum(bool(getattr(record, name)) for record in records) for name in TOLD}


def _search_of(
    project: Project, path: Path, file: File, digest: str, done: Imported, *, strategy: str, day: str, by: str
) -> Mapping[str, str]:
    """The row of a file in the table of searches; the one that is there, if the file was imported before as the same search's.

    Under another saved search, or as another source's, it is another search: its records have keys of their own.
    """
    rows = read_rows(project.data, "searches")
    same = (row for row in rows if row["search_id"].endswith(f".{digest}") and row["strategy_id"] == strategy)
    if before := next((row for row in same if strategy or row["source"] == done.source), None):
        return before
    notes = [f"export {slug(path.name)}"]
    if done.rejects:
        notes.append(_unread(len(done.rejects)))
    adds_up = done.promised in (None, done.seen)
    if not adds_up:
        notes.append(f"the database gave {done.promised}, the file holds {done.seen}")
    return {
        "search_id": f"{strategy or short_name(done.source) or 'other'}-{day}.{digest}",
        "strategy_id": strategy,
        "source": done.source,
        "searched_on": day,
        "searched_by": by,
        "since": "",
        "hits": str(max(done.promised or 0, done.seen)),
        "fetched": str(len(file.parsed.records)),
        "complete": "yes" if adds_up and not done.rejects else "no",
        "query_as_run": "",
        "note": "; ".join(notes),
    }


def _unread(parts: int) -> str:
    return f"{parts} parts could not be read" if parts > 1 else "1 part could not be read"


def _completed(search: Mapping[str, str], fresh: int, digest: str, *, whole: bool) -> Mapping[str, str]:
    """A search with the records that its mended file of rejects gave; it is complete when all that was seen has come."""
    taken = f"rejects mended ({digest})"
    notes = search["note"].split("; ") if search["note"] else []
    hits = int(search["hits"] or 0)
    # The same mended file a second time gives nothing more.
    fetched = int(search["fetched"]) + (0 if taken in notes else min(fresh, max(0, hits - int(search["fetched"]))))
    complete = whole and fetched >= hits
    if complete:
        notes = [note for note in notes if not re.fullmatch(r"\d+ parts? could not be read", note)]
    if taken not in notes and fresh:
        notes.append(taken)
    return {**search, "fetched": str(fetched), "complete": "yes" if complete else search["complete"], "note": "; ".join(notes)}


def known_strategy(project: Project, strategy: str) -> Mapping[str, str]:
    """The saved search of that key; raises :class:`CannotImport`."""
    rows = {row["strategy_id"]: row for row in read_rows(project.data, "search_strategies")}
    if strategy not in rows:
        raise CannotImport(f"no saved search has the key {strategy!r}. There are: {', '.join(rows)}")
    return rows[strategy]


def _prefix(record: Record) -> str:
    return short_name(record.source) or "other"


def _write_rejects(project: Project, path: Path, digest: str, parsed: Parsed, search_id: str) -> Path | None:
    """The rejects as a file of their own, to be mended and imported: it names its search, and has what stands before all records."""
    if not parsed.rejects:
        return None
    stem = path.name.removesuffix(REJECTS) if path.name.endswith(REJECTS) else path.stem
    ending = path.suffix if path.suffix.isascii() and not path.name.endswith(REJECTS) else ""
    target = project.kept / "rejects" / f"{slug(stem)}.{digest}{ending}{REJECTS}"
    head = f"# cordbook rejects; search {search_id or 'none'}; format {parsed.form}\n" + (
        f"{parsed.head}\n" if parsed.head else ""
    )
    text = head + "".join(f"# lines {r.first} to {r.last}: {r.why}\n{r.text}\n\n" for r in parsed.rejects)
    write_whole(target, text.encode(errors="replace"), durable=True)
    return target
