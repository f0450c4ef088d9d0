"""What tells a test's needs (marks), how many examples a property is tried with, and which files take longest."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

#: A test that uses one of these fixtures, in whatever way, needs what the mark says; tests/README.md tells what each means.
FIXTURES = {
    "browser": {"browser"},
    "book": {
        "once",
        "book",
        "clean_site",
        "planted",
        "walked",
        "full_book",
        "hostile_site",
        "small_project",
        "released",
        "new_built",
        "new_emptied",
    },
}
#: Values of other software and of papers.
_REFERENCE = re.compile(r'core_reference|why_reference|/ "reference"')
#: Examples of a property that names no number of its own.
EXAMPLES = {"quick": 20, "ci": 100, "thorough": 1000}
#: Files that take longest, by the processor time that they were measured with: they begin first, so that no worker waits at the end.
LONGEST = (
    "tests/book/test_new_review_page.py",
    "tests/book/test_probes.py", "tests/book/test_strict_site.py", "tests/book/test_site.py", "tests/publish/test_every_table.py",
    "tests/publish/test_study_pages.py", "tests/publish/test_release.py", "tests/publish/test_build.py",
    "tests/evidence/test_mutations.py", "tests/intake/test_import_fuzz.py", "tests/synthesis/test_glmm.py",
)  # fmt: skip

#: Files that take over ten seconds of processor time with neither: the quick loop of the whole leaves them out, that of a room does not.
LONG = (
    "tests/cli/test_cite.py", "tests/evidence/test_mutations.py", "tests/explorer/test_engine.py",
    "tests/explorer/test_nobody_twice.py", "tests/fuzz/test_fuzz.py", "tests/intake/test_extraction.py",
    "tests/intake/test_import_chimeras.py", "tests/intake/test_import_fuzz.py", "tests/intake/test_reconcile.py", "tests/intake/test_screening.py",
    "tests/intake/test_verify_counts.py", "tests/publish/test_record.py", "tests/publish/test_study_pages.py",
    "tests/review/test_claims.py", "tests/review/test_estimates.py", "tests/review/test_multiverse.py", "tests/review/test_release_diff.py",
    "tests/synthesis/test_averages.py",
    "tests/synthesis/test_bayes.py", "tests/synthesis/test_betabinomial.py", "tests/synthesis/test_glmm.py",
    "tests/synthesis/test_proportions.py", "tests/test_work.py",
)  # fmt: skip


def profile() -> str:
    """``ci``, or ``quick`` or ``thorough`` where CORDBOOK_TESTS says so."""
    return os.environ.get("CORDBOOK_TESTS", "ci")


def examples(number: int) -> int:
    """How many examples to try where the daily run tries so many: ten times as many in the weekly run, a fifth in the quick one."""
    return max(1, number * EXAMPLES[profile()] // EXAMPLES["ci"])


def every(places: int) -> int:
    """The step in which many places are tried one by one: each in the weekly run, one in so many in the others."""
    return 1 if profile() == "thorough" else places


def needs(fixtures: Iterable[str], path: Path) -> set[str]:
    """The marks of a test, by the fixtures that it uses, by what its file reads and by how long that takes."""
    used = set(fixtures)
    marks = {mark for mark, names in FIXTURES.items() if names & used}
    long = {"long"} if path.as_posix().endswith(LONG) else set()
    return marks | long | ({"reference"} if _reads_reference(path) else set())


@cache
def _reads_reference(path: Path) -> bool:
    return path.suffix == ".py" and path.name.startswith("test_") and bool(_REFERENCE.search(path.read_text(encoding="utf-8")))


def turn_of(nodeid: str) -> int:
    """The place of a test's file in the order of a run; files keep their order otherwise."""
    name = nodeid.split("::")[0]
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)
