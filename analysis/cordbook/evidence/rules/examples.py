"""Say which studies are the invented examples of a new review, and warn of them. Nothing real may be named like them; they are never released."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cordbook.core.csv_files import NotCsv, read
from cordbook.evidence.rules.base import Data, Rule, Violation

_EXAMPLE = re.compile(r"example\d+")
#: How the examples are taken out.
REMEDY = "cordbook new --clear-examples"
#: What every page says as long as examples are there.
NOTICE = (
    "This review still holds invented examples, to show how it will look. "
    "The numbers on this page come from studies that never took place, or stand beside such numbers."
)


def is_example(study_id: str) -> bool:
    """Whether a study, by its id, is an invented example.

    >>> is_example("example1"), is_example("example2021"), is_example("exemplar2026"), is_example("examples_of_1999")
    (True, True, False, False)
    """
    return bool(_EXAMPLE.fullmatch(study_id))


def examples_in(study_ids: Iterable[str]) -> tuple[str, ...]:
    """Those of some studies that are invented examples, sorted."""
    return tuple(sorted({study for study in study_ids if is_example(study)}))


def examples_of(data: Path) -> tuple[str, ...]:
    """The invented examples in the table of studies of a data folder; none where it cannot be read, which validation reports."""
    try:
        return examples_in(row.get("study_id", "") for row in read(data / "studies.csv").rows)
    except (OSError, NotCsv):
        return ()


def no_invented_examples(data: Data) -> Iterator[Violation]:
    for row in data.rows("studies"):
        if is_example(row["study_id"]):
            message = f"{row['study_id']} is an invented example: the study never took place."
            yield row.violation("study_id", message, remedy=f"Take the examples out: {REMEDY}.")


EXAMPLE_RULES = (Rule("no-examples", "studies", "No study is an invented example.", no_invented_examples, severity="warning"),)
