"""The guide "Add a trial in ten minutes" in the real book: its data, its conditions, all of its chapters, and the release after it.

:mod:`tests.book.test_guide` walks the same page in a small book; here every guard of every chapter is judged and every chapter is
executed with the new trial in it. Then the copy is checked and released, as a maintainer goes on.
"""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape

import pytest

from cordbook.evidence import validate
from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.versions.releases import list_releases
from tests.book.guide import effort, walk_in_a_checkout
from tests.book.test_guide import GUIDE, STUDY
from tests.publish.release_book import commit, git

pytestmark = [pytest.mark.book, pytest.mark.slow]
#: A whole build of the real book on a busy machine.
PATIENCE = 3600


@pytest.fixture(scope="module")
def walked(root, tmp_path_factory):
    """The page, walked in a checkout of this project; with ``-s`` pytest prints what it took."""
    page = (root / GUIDE).read_text(encoding="utf-8")
    done = walk_in_a_checkout(page, tmp_path_factory.mktemp("real"), timeout=PATIENCE)
    print(json.dumps(effort(page, done.printed), indent=1))
    return done


def given(book, own, *arguments):
    who = {f"GIT_{kind}_{what}": f"{what.lower()}@example.org" for kind in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["cordbook", *arguments], cwd=book, env=own | who, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, (arguments, done.stdout[-3000:], done.stderr[-3000:])
    return done.stdout


def test_the_trial_enters_the_real_book_and_its_next_version(walked):
    book, own, project = walked.book, walked.own, walked.project
    assert validate(book / "data").errors == 0
    before, after = load_estimates(project), load_estimates(book)
    grown = [e.id for e in after if e.synthesis.parent is None and STUDY in {row.study_id for row in e.rows}]
    assert "ais-improved-cell-therapy" in grown
    for name in grown:
        assert after[name].k == before[name].k + 1, name
    shown = (book / "_build" / "html" / "book" / "studies" / f"{STUDY}.html").read_text(encoding="utf-8")
    told = " ".join(unescape(re.sub(r"<[^>]+>", " ", shown)).split())
    assert "9 of 20 verified by a person" in told
    # As a maintainer goes on: checked, committed, released.
    given(book, own, "check")
    commit(book, "An invented trial")
    newest = max(list_releases(book))
    version = f"{newest.major + 1}.0.0"  # the largest step, whatever else has changed since
    given(book, own, "release", version)
    assert version in [str(v) for v in list_releases(book)]
    frozen = json.loads((book / "releases" / version / "estimates.json").read_text(encoding="utf-8"))
    assert "ais-improved-cell-therapy" in json.dumps(frozen)
    commit(book, f"Release {version}")
    given(book, own, "build")
    assert git(book, "status", "--porcelain") == ""
