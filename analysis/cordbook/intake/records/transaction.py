"""Change several files in one transaction: all of them or none, also when the power goes in between.

Every new text is written beside its file first. Then one list of what is to be moved is written; from that moment on the change is
done, for whoever comes next finishes the moves (:func:`finish`). Before that moment nothing has changed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from cordbook.core.csv_files import to_csv
from cordbook.core.files import put, stage, write_whole, written
from cordbook.intake.records.store import columns_of

LIST = "transaction.json"
STAGED = ".staged"


def texts_of(data: Path, tables: Mapping[str, Iterable[Mapping[str, str]]]) -> dict[Path, str]:
    """Tables as the texts of their files."""
    return {data / f"{table}.csv": to_csv(rows, columns_of(data, table)) for table, rows in tables.items()}


def commit(kept: Path, texts: Mapping[Path, str]) -> None:
    """Write all ``texts`` to their files. A crash leaves all old, or all new once :func:`finish` was called."""
    finish(kept)
    with written(kept):
        kept.mkdir(parents=True, exist_ok=True)
    for folder in {path.parent for path in texts}:
        # What a crash left before its list was written.
        for left in folder.glob(f".*{STAGED}"):
            left.unlink(missing_ok=True)
    moves: list[tuple[str, str]] = []
    try:
        for path, text in texts.items():
            moves.append((str(stage(path, text, ending=STAGED)), str(path)))
        write_whole(kept / LIST, json.dumps(moves), durable=True)
    except BaseException:
        if not (kept / LIST).exists():
            for temporary, _ in moves:
                Path(temporary).unlink(missing_ok=True)
        raise
    finish(kept)


def finish(kept: Path) -> bool:
    """Finish a change that was broken off after its list was written; True if there was one."""
    path = kept / LIST
    try:
        moves = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    for temporary, target in moves:
        # A move that was made already has no temporary file left.
        if Path(temporary).exists():
            put(Path(temporary), Path(target))
    path.unlink()
    return True
