"""``cordbook references``: write references.bib from references.csv, or check that it is up to date."""

from __future__ import annotations

import argparse
from pathlib import Path

from cordbook.errors import CordbookError
from cordbook.evidence.reading import find_data_dir, read_rows
from cordbook.evidence.references.bibtex_file import bibliography_text, write_bibliography
from cordbook.evidence.schema import load_package


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser of ``cordbook``."""
    parser = subparsers.add_parser(
        "references",
        help="write references.bib from data/references.csv",
        description="Write references.bib beside the data folder, one entry per source.",
        epilog="Exit code 0: written, or up to date. 1: --check found it out of date. 2: the data cannot be read.",
    )
    parser.add_argument("folder", metavar="DIR", nargs="?", type=Path, help="data folder (default: data/ of the project)")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the file is out of date")
    parser.set_defaults(run=run, exit_codes={CordbookError: 2})


def run(args: argparse.Namespace) -> int:
    """Write or check the file; return the exit code."""
    data = Path(args.folder or find_data_dir()).resolve()
    table = load_package(data).table("references")
    text = bibliography_text(row for _, row in read_rows(data / table.path, table).rows)
    path = data.parent / "references.bib"
    current = path.is_file() and path.read_bytes() == text.encode()
    if args.check:
        print(f"{path.name} is up to date." if current else f"{path.name} is out of date: run `cordbook references`.")
        return 0 if current else 1
    if not current:
        write_bibliography(text, path)
    print(f"{path.name}: {text.count(chr(10) + '@')} entries{'' if current else ', written'}.")
    return 0
