"""``cordbook verify-counts --sheet`` and ``--in``: sheets for people who check on paper or phone, and their answers."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

from cordbook.cli.sheets import SheetError, sheet_text, write_sheet
from cordbook.core.project import Project
from cordbook.evidence.review_state import load_status
from cordbook.intake.extraction import verify_sheet
from cordbook.publish.pages.verification_sheets import ANSWERS_FILE, INDEX_FILE, Sheets, answer_rows, verification_sheets
from cordbook.review.appraisal.main_results import first_to_check
from cordbook.review.appraisal.verification_queue import QueuedCount
from cordbook.review.estimates.estimates import Estimates

#: What the page of a study holds, and no other page.
_OF_A_STUDY = re.compile(r'<article class="study" id="study-')


def write_sheets(place: Path, estimates: Estimates, waiting: Sequence[QueuedCount]) -> None:
    """Write the sheets: a folder of pages, one page (``.html``), or the file of answers alone (``.csv``)."""
    kind = place.suffix.lower()
    if kind not in (".html", ".csv", ""):
        raise SheetError(
            f"{place}: sheets are written as a folder, or as one file that ends in .html or .csv. Name one of these."
        )
    answers = place if kind == ".csv" else place.with_suffix(".csv") if kind == ".html" else place / ANSWERS_FILE
    wanted = {c.cell_id for c in waiting}
    first = [c for c in first_to_check(estimates).counts if c.cell_id in wanted]
    named = {c.cell_id for c in first}
    queue = [*first, *(c for c in waiting if c.cell_id not in named)]
    sheets = verification_sheets(estimates, queue, load_status(estimates.evidence.folder).name, answers.name, named)
    _keep_answers(answers)
    if kind == "":
        _folder(place)
        _pages(place, sheets)
    elif kind == ".html":
        write_sheet(place, sheets.one_page(), "utf-8")
    write_sheet(answers, verify_sheet.sheet(answer_rows(sheets)))
    where = {".csv": "", ".html": f"{place}: {sheets.how_many_studies} on one page. "}.get(
        kind, f"{place / INDEX_FILE}: {sheets.how_many_studies}, a page each. "
    )
    print(f"{where}{answers}: a row for each of {sheets.total:,} counts, to fill in and give back with --in {answers}")


def take_sheet(path: Path, project: Project, person: str) -> None:
    """Take the answers of a file, all or none, and say what came of them."""
    with sheet_text(path) as text:
        taken = verify_sheet.take(project.data, project.kept, text, person, date.today().isoformat())
    print(f"{taken.confirmed:,} counts stand, {taken.corrected:,} were corrected. {taken.blank:,} rows have no answer yet.")
    if taken.before:
        print(f"{taken.before:,} answers were taken in before.")
    for cell_id, remark in taken.not_found:
        print(f"not found: {cell_id}{f' ({remark})' if remark else ''}")
    if taken.not_found:
        print("What was not found waits on; your remarks stay in the file and are not in the data.")
    if taken.corrected:
        print("What moves by the corrections: cordbook status")


def _keep_answers(path: Path) -> None:
    """Answers that a person wrote are never written over."""
    if not path.is_file():
        return
    with sheet_text(path) as text:
        filled = verify_sheet.has_answers(text)
    if filled:
        raise SheetError(
            f"{path} holds answers, or is no such sheet, and would be lost. Take it in (cordbook verify-counts --in {path}) and move it, "
            "or name another place."
        )


def _folder(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SheetError(f"{place} cannot be made a folder: {error.strerror}. Name another place.") from error


def _pages(place: Path, sheets: Sheets) -> None:
    """Write the pages, and take away those that an earlier call left for studies that no longer wait."""
    pages = sheets.pages()
    for name, text in pages.items():
        write_sheet(place / name, text, "utf-8")
    for path in _left(place, pages):
        path.unlink()


def _left(place: Path, pages: Collection[str]) -> list[Path]:
    """Pages of sheets in the folder that are not among those just written; nothing else."""
    others = (p for p in sorted(place.glob("*.html")) if p.name not in pages)
    return [p for p in others if _OF_A_STUDY.search(p.read_text("utf-8", errors="replace"))]
