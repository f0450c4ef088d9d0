"""The guide "Add a trial in ten minutes": every command of the page is run, with the answers that the page shows.

How a page is walked: :mod:`tests.book.guide`.
"""

from __future__ import annotations

import csv
import re
import shlex
import shutil
from html import unescape

import pytest

from cordbook.cli import parser
from cordbook.evidence import validate
from cordbook.review.estimates.estimates import load_estimates
from tests.book.guide import (
    assert_every_answer_meets_its_question,
    assert_every_block_is_run,
    environment,
    walk,
    without_blocks,
)
from tests.publish import release_book, small_book

GUIDE = "book/methods/add-a-trial.md"
STUDY = "exemplar2026"


@pytest.fixture(scope="module")
def page(root):
    return (root / GUIDE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def walked(page, root, tmp_path_factory):
    """The whole page, done in a throwaway project; returns the copy that the page makes, and what each block printed."""
    folder = tmp_path_factory.mktemp("guide")
    project = small_book.make(root, folder / "project")
    (project / "docs").mkdir()
    (project / "docs" / "example").symlink_to(root / "docs" / "example")
    shutil.copy(root / ".gitignore", project)
    release_book.git(project, "init", "--quiet", "--initial-branch=main")
    release_book.commit(project, "The small book")
    return walk(page, project, folder, environment(folder))


def test_the_page_leads_to_a_study_in_the_book(walked, root):
    book, _ = walked
    assert book.name == "trying-it"
    assert validate(book / "data").errors == 0
    before, after = load_estimates(book.parent / "project")["ais-improved"], load_estimates(book)["ais-improved"]
    assert (after.k, after.events, after.n) == (before.k + 1, before.events + 9, before.n + 20)
    shown = (book / "_build" / "html" / "book" / "studies" / f"{STUDY}.html").read_text(encoding="utf-8")
    told = " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    assert "9 of 20 verified by a person" in told
    assert "2 of 9 read by Ben" in told
    assert "Table 2: all ten controls were examined" in told
    with open(book / "data" / "verifications.csv", encoding="utf-8", newline="") as file:
        (only,) = csv.DictReader(file)
    assert (only["verified_by"], only["verdict"], only["source_read"]) == ("Dee", "confirmed", "full text, Table 2")
    # The real project has none of it.
    assert STUDY not in (root / "data" / "studies.csv").read_text(encoding="utf-8")


def test_what_the_page_says_of_its_steps_holds(walked):
    """Each answer meets its question: nothing is asked that the page does not answer, and nothing typed goes to waste."""
    _, printed = walked
    by_command = {step.commands.strip(): step.told for step in printed}
    for command, end in (
        ("cordbook screen --as Ada", "nothing waits for you any more"),
        (f"cordbook extract {STUDY} --reader Ada", "Complete. The other reading is to be made by another person"),
        (f"cordbook reconcile {STUDY} --as Cleo", "6 counts, of which two people read 6 and saw 5 alike"),
    ):
        assert end in by_command[command], (command, by_command[command][-1500:])
    assert_every_answer_meets_its_question(printed)
    assert "ais-improved" in by_command["cordbook validate\ncordbook status\ncordbook build"]


def test_commands_named_in_the_text_exist(page):
    named = re.findall(r"`(cordbook [^`]+)`", without_blocks(page))
    assert named
    for command in named:
        words = [w if not w.isupper() else "x" for w in shlex.split(command)[1:]]
        parser().parse_args(words)


def test_every_block_is_of_a_kind_that_is_run(page):
    assert_every_block_is_run(page)
