"""The book as a PDF, printed by Chromium from :mod:`cordbook.publish.hosting.print_html`.

Chromium numbers the sheets, keeps the links and makes bookmarks of the headings. It writes into the file what differs from one run
to the next: the time, which is set to the date of the edition, and its own numbers of the parts of a page, which are counted anew.
So the same book printed by the same Chromium gives the same bytes.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cordbook.core.files import write_whole
from cordbook.core.project import Project
from cordbook.errors import CordbookError
from cordbook.publish.build.site import up_to_date
from cordbook.publish.hosting.print_html import NotPrintable, PrintBook, print_book
from cordbook.review.citation.edition import Edition, edition_of_tree

#: Chromium's names on the path, the Debian one first.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: The page holds no script and reaches no host; the sandbox would not start in containers.
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND", "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)  # fmt: skip
#: Seconds after which printing is given up; the whole book with all studies needs a small part of it.
PATIENCE = 1200
_TIME = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}")
#: The name of a part of the page in the tree of tags: Chromium's number of the node, which grows with all that the process made.
_NODE = re.compile(rb"\(node(\d{8})\)")
_SHEETS = re.compile(rb"/Type\s*/Page\b(?!s)")


class NoChromium(CordbookError):
    """There is no Chromium; the message says how to get one."""

    exit_code = 2


class PrintFailed(CordbookError):
    """Chromium did not print; the message says what it said. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Printed:
    """What was printed: the file, its sheets, chapters and bytes."""

    path: Path
    sheets: int
    chapters: int
    size: int


def find_chromium(wanted: str | None = None) -> str:
    """The Chromium to use: the one named, else the first on the path; raises :class:`NoChromium`."""
    found = next((path for name in ([wanted] if wanted else NAMES) if (path := shutil.which(name))), None)
    if found is None:
        raise NoChromium(
            f"{wanted}: no such program"
            if wanted
            else "no Chromium on this machine, which prints the book. Debian and Ubuntu: "
            "apt install chromium. Or name a Chrome or Chromium with --chromium."
        )
    return found


def print_pdf(
    project: Project,
    target: Path | None = None,
    *,
    chromium: str | None = None,
    with_studies: bool = False,
    report: Callable[[str], None] = print,
) -> Printed:
    """Print the built book of a project into ``target`` (default: ``dist/NAME-VERSION.pdf``, by the short name of the review).

    Raises :class:`NoChromium`, :class:`NotPrintable` where the book is not built from what is there, :class:`PrintFailed`.
    """
    program = find_chromium(chromium)
    if up_to_date(project) is None:
        raise NotPrintable("the book is not built, or data or pages have changed since; first: cordbook build")
    edition = edition_of_tree(project.root)
    path = target or project.root / "dist" / f"{edition.key}-{edition.version}.pdf"
    report("putting the pages together")
    book = print_book(project, edition, with_studies=with_studies)
    report(f"{len(book.chapters)} chapters; printing them, which can take a minute")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix="printing-") as folder:
        content = _printed(program, book.to_html(), Path(folder), edition)
        if numbers := _numbers(content, book):
            report("printing them again, with the numbers of the sheets in the contents")
            content = _printed(program, book.to_html(numbers), Path(folder), edition)
        else:
            report("the contents have no numbers of sheets: for these, pip install pypdf")
    write_whole(path, content, durable=True)
    return Printed(path, len(_SHEETS.findall(content)), len(book.chapters), len(content))


def _printed(program: str, html: str, folder: Path, edition: Edition) -> bytes:
    page, out = folder / "book.html", folder / "book.pdf"
    page.write_text(html, encoding="utf-8")
    output = _run([program, *FLAGS, f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={out}", page.as_uri()])
    content = out.read_bytes() if out.is_file() else b""
    if not content.startswith(b"%PDF-") or b"%%EOF" not in content[-1024:]:
        raise PrintFailed(f"{program} wrote no PDF. It said:\n{output[-2000:].strip() or '(nothing)'}")
    return _reproducible(content, edition)


def _reproducible(content: bytes, edition: Edition) -> bytes:
    """A PDF of Chromium without what one run writes differently from another: time, and numbers of nodes by rank, of the same width."""
    rank = {node: b"(node%08d)" % place for place, node in enumerate(sorted(set(_NODE.findall(content))), start=1)}
    dated = _TIME.sub(lambda match: b"/%s (D:%s000000" % (match[1], f"{edition.date:%Y%m%d}".encode()), content)
    return _NODE.sub(lambda match: rank[match[1]], dated)


def _numbers(content: bytes, book: PrintBook) -> dict[str, int]:
    """The sheet on which each chapter begins, by its anchor; empty where pypdf is not installed."""
    try:
        from pypdf import PdfReader
    except ImportError:
        return {}
    reader = PdfReader(io.BytesIO(content))
    places = {name.lstrip("/"): place for name, place in reader.named_destinations.items()}
    found = ((c.anchor, reader.get_destination_page_number(places[c.anchor])) for c in book.chapters if c.anchor in places)
    return {anchor: index + 1 for anchor, index in found if index is not None}


def _run(command: list[str]) -> str:
    """Run a program with all that it starts; none of it outlives this."""
    with tempfile.TemporaryFile() as log:
        streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(command, **streams, start_new_session=True)
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise PrintFailed(f"{command[0]} did not print within {PATIENCE // 60} minutes") from None
        finally:
            _end(process)
        log.seek(0)
        return log.read().decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError, PermissionError):  # Windows has no groups; or all has ended
        process.kill()
    process.wait()
