"""Judge the files that declare certainty, risk of bias, replication, tests of claims and more, before any chapter runs.

Chapters read these files one by one while they are executed, and the first that names what is not there would stop the build in its
middle. Here all are read at once, for the builder and for ``cordbook status``, and nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cordbook.errors import InputError
from cordbook.review.appraisal import certainty, main_results, replication, risk_of_bias
from cordbook.review.claims import claims
from cordbook.review.estimates.estimates import Estimates
from cordbook.review.multiverse import declarations as multiverse
from cordbook.review.reporting import checklist

#: Reads a file of ``data/`` and compares it with tables and declarations; raises what chapters would raise.
CHECKS: Mapping[str, Callable[[Estimates], object]] = {
    "review.yml": main_results.main_results,
    certainty.FILE: certainty.read_settings,
    risk_of_bias.FILE: lambda estimates: risk_of_bias.load_items(estimates.evidence.folder),
    replication.FILE: replication.read_pairs,
    claims.FILE: claims.read_tests,
    multiverse.FILE: multiverse.load_multiverses,
    checklist.FILE: lambda estimates: checklist.load_checklist(estimates.evidence.folder, estimates.evidence["reporting_items"]),
}


def declared_problems(estimates: Estimates) -> tuple[str, ...]:
    """What is wrong in each of these files that the review has: one text per file, with all its problems."""
    found = []
    for file, check in CHECKS.items():
        if (estimates.evidence.folder / file).is_file():
            try:
                check(estimates)
            except InputError as error:
                found.append(str(error))
    return tuple(found)


def explain_declared(problems: tuple[str, ...]) -> str:
    """The problems of all files for a person, with what to do."""
    remedy = "Correct these files, or the rows that they name; no chapter was executed."
    return "\n\n".join(["files of data/ name what is not there, or leave out what is:", *problems, remedy])
