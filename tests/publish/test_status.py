"""`cordbook status` says what a build would do, and why, and builds nothing."""

import importlib
import json
from collections import Counter

import pytest

from cordbook.cli import main
from cordbook.publish.build.build import BuildFailed, build
from cordbook.publish.build.status import status
from tests.publish.conftest import edited, quiet, site_of, sources_to
from tests.publish.small_book import set_events

CELL = "lima2010.treated.ais_improved.all.27.7"


def row_of(book, cell):
    lines = (book.data / "outcomes.csv").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if line.startswith(f"{cell},"))


def test_a_fresh_book_has_nothing_to_tell(book, monkeypatch, capsys):
    build(book, report=quiet)
    monkeypatch.chdir(book.root)
    assert main(["status", "--exit-code"]) == 0
    assert capsys.readouterr().out.strip() == "The book is up to date."


def test_a_changed_cell_is_told_with_row_and_values_and_what_it_moves(book, monkeypatch, capsys):
    build(book, report=quiet)
    before = site_of(book)
    monkeypatch.chdir(book.root)
    with edited(book, "data/outcomes.csv", "data/extractions.csv"):
        set_events(book.data, CELL, 12)
        found = status(book)
        change = f"outcomes.csv row {row_of(book, CELL)} ({CELL}), events 11 -> 12"
        stale = dict(found.stale)
        assert set(stale) == {"index.ipynb", "book/one.ipynb"}
        assert change in stale["book/one.ipynb"]
        assert [m.id for m in found.moved] == ["ais-improved"]
        assert main(["status", "--exit-code"]) == 1
        text = capsys.readouterr().out
        assert f"one is stale: {change}" in text
        assert "ais-improved: " in text
        assert " -> " in text
        assert main(["status", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["changes"][0]["column"] == "events"
        assert told["broken_guards"] == []
        report = book.root / "_build" / "moved.md"
        assert main(["status", "--format", "markdown", "--output", str(report)]) == 0
        assert "| `ais-improved` |" in report.read_text(encoding="utf-8")
    assert site_of(book) == before
    assert main(["status"]) == 0


def test_guards_that_would_break_are_told(book):
    build(book, report=quiet)
    with edited(book, "book/prose.md"):
        text = (book.root / "book" / "prose.md").read_text(encoding="utf-8")
        (book.root / "book" / "prose.md").write_text(text.replace("tumour.events == 0", "tumour.events == 5"))
        found = status(book)
    assert [b.guard.sentence for b in found.broken] == ["No tumour was seen."]
    assert "today:" in found.as_text()


def test_bad_data_is_told_as_such(book, monkeypatch, capsys):
    monkeypatch.chdir(book.root)
    with edited(book, "data/outcomes.csv", "data/extractions.csv"):
        set_events(book.data, CELL, 99)
        assert main(["status"]) == 2
    assert "cordbook validate" in capsys.readouterr().out


def test_another_checkout_can_be_compared_with(book, tmp_path, monkeypatch, capsys):
    other = sources_to(book, tmp_path / "other")
    set_events(other.data, CELL, 10)
    monkeypatch.chdir(book.root)
    main(["status", "--json", "--against", str(other.root)])
    told = json.loads(capsys.readouterr().out)
    assert {(c["before"], c["after"]) for c in told["changes"]} == {("10", "11")}
    assert [m["id"] for m in told["estimates"]] == ["ais-improved"]


def test_a_book_that_was_never_built_says_so(book, tmp_path):
    found = status(sources_to(book, tmp_path / "never"))
    assert not found.built_before
    assert len(found.stale) == 3
    assert "not been executed here yet" in found.as_text()


def test_what_a_chapter_would_stumble_over_is_told_before_one_runs(book, monkeypatch, capsys):
    monkeypatch.chdir(book.root)
    with edited(book, "data/certainty.yml"):
        path = book.data / "certainty.yml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("any_event:", "any_event:\n  - no_such_outcome", 1), encoding="utf-8")
        found = status(book)
        assert found.errors == 1  # validation reads what is declared, and names it
        ran = []
        with pytest.raises(BuildFailed, match="no outcome 'no_such_outcome'"):
            build(book, report=ran.append)
        assert ran == ["validating data/"]


def test_what_a_read_reaches_is_looked_up_once_however_many_rows_have_changed(book, monkeypatch):
    """After an update there are thousands of changes: asked for each of them, status took minutes."""
    module = importlib.import_module("cordbook.publish.build.status")
    build(book, report=quiet)
    asked, behind, original, original_behind = Counter(), Counter(), module._reach, module._behind

    def counted(read, *others):
        asked[read] += 1
        return original(read, *others)

    def counted_behind(estimate_id, *others):
        behind[estimate_id] += 1
        return original_behind(estimate_id, *others)

    monkeypatch.setattr(module, "_reach", counted)
    monkeypatch.setattr(module, "_behind", counted_behind)
    seen = []
    for lines in (1, 40):
        asked.clear()
        behind.clear()
        with edited(book, "data/glossary.csv", "data/outcomes.csv", "data/extractions.csv"):
            set_events(book.data, CELL, 12)
            path = book.data / "glossary.csv"
            head, *rows = path.read_text(encoding="utf-8").splitlines()
            rows = [f"{row} Changed." if n < lines and not row.endswith('"') else row for n, row in enumerate(rows)]
            path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
            found = status(book)
        seen.append((len(found.changes), sum(asked.values()), sum(behind.values())))
    (few, *once), (many, *again) = seen
    assert many > few + 10
    assert once == again and once[0] > 0
