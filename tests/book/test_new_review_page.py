"""``docs/new_review.md`` takes a review of another subject the whole way, by the commands alone: every command of the page is run.

A new review, words of its own, an export that becomes records, two people who screen and read, a third who settles, an estimate with a
sentence, the book, its check and its release. The trial is invented.
"""

from __future__ import annotations

import re
import shlex
from html import unescape

import pytest

from cordbook.cli import parser
from cordbook.evidence import validate
from cordbook.evidence.rules.examples import NOTICE
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.versions.releases import list_releases
from tests.book.guide import (
    assert_every_answer_meets_its_question,
    assert_every_block_is_run,
    environment,
    walk,
    without_blocks,
)
from tests.publish.release_book import git
from tests.publish.test_new_review import FOREIGN, pages, shown

pytestmark = pytest.mark.book
STUDY = "sample2025"


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "new_review.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def walked(page, tmp_path_factory):
    """The whole page, done in an empty folder; returns the review that it makes, and what each block of commands printed."""
    folder = tmp_path_factory.mktemp("another")
    who = {f"GIT_{kind}_{what}": f"{what.lower()}@example.org" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return walk(page, folder, folder, environment(folder) | who, timeout=600)


def text(page) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", unescape(shown(page))).split())


def test_an_export_becomes_an_estimate_of_a_released_review(walked):
    review, _ = walked
    assert review.name == "exercise and falls"
    assert validate(review / "data").problems == ()
    estimate = load_estimates(review)["fell-exercise"]
    assert (estimate.k, estimate.events, estimate.n) == (1, 8, 30)
    assert [str(version) for version in list_releases(review)] == ["0.1.0"]
    assert (review / "dist" / "falls-0.1.0.zip").is_file()
    assert git(review, "status", "--porcelain") == ""


def test_its_pages_use_its_own_words(walked):
    """Topic, people, outcome, and a column that no other review has, on the pages that the engine makes."""
    found = pages(walked[0] / "_build" / "html")
    study = text(found[f"book/studies/{STUDY}"])
    for words in (
        "Preventing falls",
        "Older adults",
        "30 people aged 65 or older",
        "Weeks of training 12 weeks",
        "8 of 30",
        "Fell at least once",
    ):
        assert words.lower() in study.lower(), words
    assert "Table 2 has fourteen" in study
    chapter = text(found["book/results/main-question"])
    assert "Fewer than half of those who trained fell" in chapter
    assert "8 of 30" in chapter and "14 of 30" in chapter
    assert (
        "Exercise therapy" in text(found["book/explorer"]) or (walked[0] / "_build/html/_static/explorer/evidence.js").is_file()
    )


def test_the_flow_counts_what_was_done(walked):
    flow = text(pages(walked[0] / "_build" / "html")["book/methods/prisma-flow"])
    for step in ("Records from Invented Base 2", "Records screened 2", "Records excluded 1", "Reports assessed 1"):
        assert step in flow, step
    assert "found by other methods" in flow and "look-up" not in flow


def test_no_page_speaks_of_another_subject_or_review(walked):
    for name, page in pages(walked[0] / "_build" / "html").items():
        html = shown(page)
        assert not FOREIGN.search(html), (name, FOREIGN.findall(html))
        assert not re.search(r"cordbook[ -]0\.1\.0|Cordbook, version", html), name
        assert NOTICE not in html, name


def test_the_release_is_cited_by_the_name_of_the_review(walked):
    review, printed = walked
    assert "falls 0.1.0" in printed[-1].told
    assert "version 0.1.0" in text(pages(review / "_build" / "html")["index"])


def test_each_answer_meets_its_question(walked):
    assert_every_answer_meets_its_question(walked[1])


def test_every_block_is_of_a_kind_that_is_run(page):
    assert_every_block_is_run(page)


def test_commands_named_in_the_text_exist(page):
    for command in re.findall(r"`(cordbook [a-z][^`]*)`", without_blocks(page)):
        parser().parse_args(shlex.split(command)[1:])
