"""Long tables and lists of references: a page holds their first rows, files beside it hold the others.

A page stays quick to open however much the evidence grows. A script puts the other rows into the table while the page loads (from
a disk too), so that filter, sorting and links to a row work as in a short table. Without scripts the first rows stand there, with
a sentence that says how many more there are, and a link to a file with all of them.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from cordbook.core.files import write_whole
from cordbook.display.figures.thinning import is_many
from cordbook.display.html.finished import plain_text, with_attributes
from cordbook.display.html.page_parts import rows_beyond
from cordbook.review.estimates.estimates import Estimate, Estimates

#: Folder of the site with the rows, one folder per page.
FOLDER = "rows"
#: A table of more rows than the first number keeps so many as the second says in its page; entries of a list of references are
#: smaller, and are looked up from everywhere.
LONG, KEPT = 300, 250
LONG_LIST, KEPT_LIST = 1000, 800
#: In a page of more than so many bytes, shorter tables count as long too.
LARGE_PAGE, LONG_IN_LARGE, KEPT_IN_LARGE = 700_000, 60, 50
#: About so many bytes of rows go into one file.
FILE_BYTES = 500_000
_TABLE = re.compile(
    r'(?P<head><table\b[^>]*\bid="(?P<id>[^"]+)"[^>]*>(?:(?!</table>|<tbody>).)*<tbody>)'
    r"(?P<rows>.*?)(?P<foot></tbody>\s*</table>)",
    re.S,
)
_LIST = re.compile(r'(?P<head><div role="list" class="citation-list">)(?P<rows>.*?</div>\s*)(?P<foot></div>)', re.S)
_ROW = re.compile(r"<tr\b.*?</tr>", re.S)
_ENTRY = re.compile(r'<div class="citation".*?</div>', re.S)
_CELL = re.compile(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", re.S)


def connect(app: Sphinx, estimates_of: Any) -> None:
    """Connect to Sphinx; ``estimates_of`` gives the estimates of a build."""
    app.connect("html-page-context", _shorten, priority=950)
    app.connect("html-collect-pages", lambda a: _sweep(a) or _write_estimates(a, estimates_of(a)))


def _shorten(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    folder = Path(app.outdir) / FOLDER / page
    shutil.rmtree(folder, ignore_errors=True)
    if context.get("body"):
        base = f"{'../' * page.count('/')}{FOLDER}/{page}/"
        context["body"] = shorten(context["body"], folder, base)


def shorten(body: str, folder: Path, base: str) -> str:
    """The body of a page without the rows beyond the first of its long tables, which are written into ``folder``.

    ``base`` is the address of that folder as seen from the page.
    """
    long, kept = (LONG_IN_LARGE, KEPT_IN_LARGE) if len(body) > LARGE_PAGE else (LONG, KEPT)
    body = _TABLE.sub(lambda found: _short_table(found, folder, base, long, kept), body)
    return _LIST.sub(lambda found: _short_list(found, folder, base), body)


def _short_table(found: re.Match[str], folder: Path, base: str, long: int, kept: int) -> str:
    rows, key = _ROW.findall(found["rows"]), unescape(found["id"])
    if len(rows) <= long:
        return found[0]
    write_whole(folder / f"{key}.csv", _as_csv(found["head"], rows))
    return _short(found["head"], rows, kept, found["foot"], key, f"{key}.csv", folder, base)


def _short_list(found: re.Match[str], folder: Path, base: str) -> str:
    entries, key = _ENTRY.findall(found["rows"]), "references"
    if len(entries) <= LONG_LIST:
        return found[0]
    write_whole(folder / f"{key}.txt", _as_lines(entries))
    head = with_attributes(found["head"], "div", id=key)
    return _short(head, entries, KEPT_LIST, found["foot"], key, f"{key}.txt", folder, base)


def _short(head: str, rows: Sequence[str], kept: int, foot: str, key: str, everything: str, folder: Path, base: str) -> str:
    scripts = []
    for number, part in enumerate(_parts(rows[kept:]), start=1):
        write_whole(folder / f"{key}-{number}.js", f"cordbookRows({json.dumps(key)}, {json.dumps(''.join(part))});\n")
        scripts.append(f"{base}{key}-{number}.js")
    beyond = rows_beyond(key, kept, len(rows), f"{base}{everything}", scripts)
    return "\n".join((head, *rows[:kept], f"{foot}{beyond}"))


def _parts(rows: Iterable[str]) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for row in rows:
        part.append(row)
        size += len(row)
        if size > FILE_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _text(markup: str) -> str:
    return harmless(plain_text(markup))


def harmless(text: str) -> str:
    """The text of a cell, with an apostrophe before what would run as a formula in a spreadsheet; numbers stay as they are.

    >>> harmless("=SUM(A1)"), harmless("-0.5"), harmless("-"), harmless("-1+A1")
    ("'=SUM(A1)", '-0.5', '-', "'-1+A1")
    """
    runs = text[:1] in tuple("=+-@\t\r") and len(text) > 1 and not re.fullmatch(r"[+-]?[\d.,]+%?", text)
    return f"'{text}" if runs else text


def _as_csv(head: str, rows: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    names = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', head, re.S)
    writer.writerow([_text(name) for name in names])
    writer.writerows([_text(cell) for cell in _CELL.findall(row)] for row in rows)
    return out.getvalue()


def _as_lines(entries: Iterable[str]) -> str:
    return "".join(f"{plain_text(entry)}\n" for entry in entries)


def _sweep(app: Sphinx) -> list[Any]:
    """Remove the rows of pages that are gone."""
    root = Path(app.outdir) / FOLDER
    pages = {path.parent.relative_to(root).as_posix() for path in root.rglob("*.js")} if root.is_dir() else set()
    for page in pages - app.env.found_docs:
        shutil.rmtree(root / page)
    return []


def _write_estimates(app: Sphinx, estimates: Estimates) -> list[Any]:
    """A file with every study of each estimate that has too many to be drawn one by one; forest plots lead to it."""
    folder = Path(app.outdir) / FOLDER / "estimates"
    texts = {f"{estimate.id}.csv": estimate_csv(estimate) for estimate in estimates if is_many(estimate.k)}
    for path in folder.glob("*.csv"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text)
    return []


def estimate_csv(estimate: Estimate) -> str:
    """Counts, share or effect with its interval, weight and ids of every study of an estimate."""
    counts = ("events1", "n1", "events2", "n2") if estimate.is_comparison else ("events", "n")
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    weight = () if estimate.not_pooled else ("weight_percent",)
    writer.writerow(["study", "study_id", "year", *counts, "estimate", "ci_low", "ci_high", *weight, "cells"])
    wanted = ("estimate", "ci_low", "ci_high", *(() if estimate.not_pooled else ("weight",)))
    for row in estimate.rows:
        numbers = [getattr(row, name) for name in wanted]
        year = "" if row.year is None else row.year
        shown = ["" if value is None else repr(float(value)) for value in numbers]
        counted = [getattr(row, name) for name in counts]
        writer.writerow([harmless(row.label), row.study_id, year, *counted, *shown, ";".join(row.count_ids)])
    return out.getvalue()
