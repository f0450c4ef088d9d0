"""Judge the files that declare estimates, certainty, risk of bias, tests of claims and more, with the tables and before any chapter runs.

Chapters read these files one by one while they are executed, and the first that names what is not there would stop the build in its
middle. Here all are read at once, for ``cordbook validate``, the builder and ``cordbook status``, and nothing is computed. Each problem has
its file, its line where one can be told, and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import yaml

from cordbook.core.project import data_files
from cordbook.core.yaml import line_of, line_of_error, read_yaml, why, yaml_text
from cordbook.errors import CordbookError, InputError
from cordbook.evidence.problems import Problem, in_order
from cordbook.evidence.review_state import load_status
from cordbook.evidence.rules.validation import DECLARED_RULES, Report, validate
from cordbook.review.appraisal import certainty, certainty_rules, main_results, replication, risk_of_bias
from cordbook.review.claims import claims
from cordbook.review.estimates.estimates import Estimates, load_estimates
from cordbook.review.multiverse import declarations as multiverse
from cordbook.review.reporting import checklist
from cordbook.review.reporting.lost_rows import lost_rows

#: Reads a file of ``data/`` and compares it with tables and declarations; raises what chapters would raise.
CHECKS: Mapping[str, Callable[[Estimates], object]] = {
    "review.yml": main_results.main_results,
    certainty_rules.FILE: certainty.read_settings,
    risk_of_bias.FILE: lambda estimates: risk_of_bias.load_items(estimates.evidence.folder),
    replication.FILE: replication.read_pairs,
    claims.FILE: claims.read_tests,
    multiverse.FILE: multiverse.load_multiverses,
    checklist.FILE: lambda estimates: checklist.load_checklist(estimates.evidence.folder, estimates.evidence["reporting_items"]),
}
#: The file of the estimates, on which all others depend.
ESTIMATES = "syntheses.yml"
(RULE,) = DECLARED_RULES
#: A declaration has fewer lines than these.
NEAR = 15
_REMEDY = "Correct it there, or restore the file from the last release; docs/new_review.md and the comments in the file say what it holds."
_COUNTED = re.compile(r"\d+ problem\(s\)$")
#: Names in a message by which its place in the file is found: what stands before the colon, and what is quoted.
_NAMED = re.compile(r"^([^\s:]+):|`([^`]+)`|'([^']+)'|\b(\w+) is (?:missing|unknown)?|\bunknown (\w+)")


def validate_all(data: Path, *, with_text: bool = True) -> Report:
    """Validate the tables and everything beside them: ``validate`` with the YAML files of ``data/``."""
    report = validate(data, with_text=with_text)
    found = yaml_problems(data) or _declared(data, sound=not report.errors)
    if with_text and report.package:
        found += lost_rows(data, report.package, report.counted)
    return replace(report, problems=tuple(in_order([*report.problems, *found])))


def yaml_problems(data: Path) -> list[Problem]:
    """Files of a data folder that are no YAML that can be read."""
    found = []
    for name, path in data_files(data).items():
        if path.suffix in (".yml", ".yaml"):
            try:
                read_yaml(path)
            except yaml.YAMLError as error:
                found.append(_problem(name, f"The file is not valid YAML: {why(error)}.", line_of_error(error)))
            except OSError as error:
                found.append(_problem(name, f"The file cannot be opened: {error.strerror or error}.", None))
    return found


def _declared(data: Path, *, sound: bool) -> list[Problem]:
    """What the files name and is not there. Where tables have errors, what depends on them is left until these are mended."""
    found = []
    if (data / "review.yml").exists():
        found += _asked(data, "review.yml", lambda: load_status(data))
    if not sound or data.name != "data" or not (data / ESTIMATES).exists():
        return found
    made: list[Estimates] = []
    found += _asked(data, ESTIMATES, lambda: made.append(load_estimates(data.resolve().parent)))
    if made and not found:
        for file, error in _errors(made[0]):
            found += list(_problems_of(data, file, error))
    return found


def _asked(data: Path, file: str, ask: Callable[[], object]) -> list[Problem]:
    try:
        ask()
    except CordbookError as error:
        return list(_problems_of(data, file, error))
    return []


def _errors(estimates: Estimates) -> Iterator[tuple[str, CordbookError]]:
    for file, check in CHECKS.items():
        if (estimates.evidence.folder / file).is_file():
            try:
                check(estimates)
            except CordbookError as error:
                yield file, error
            except (TypeError, AttributeError, ValueError, LookupError) as error:
                # A check met a value of a kind that it was not written for.
                yield file, InputError(f"{file}: a value is of another kind than belongs there ({type(error).__name__}: {error})")


def _problems_of(data: Path, file: str, error: CordbookError) -> Iterator[Problem]:
    """The problems that an error lists, each with the line where the file names what it is about."""
    first, *rest = str(error).split("\n  ")
    listed = rest if _COUNTED.search(first) and rest else [str(error)]
    try:
        text = yaml_text(data / file)
    except (OSError, yaml.YAMLError):
        text = ""
    for message in listed:
        bare = re.sub(rf"^\S*{re.escape(file)}(, line \d+)?: ", "", message)
        names = [name for groups in _NAMED.findall(bare) for name in groups if name]
        yield _problem(file, f"{bare.rstrip('.')}.", _line(text, names))


def _line(text: str, names: list[str]) -> int | None:
    """The line of what a problem is in, or of the word within it that is wrong, where that stands near."""
    first = next((line for name in names if (line := line_of(text, name))), None)
    last = line_of(text, *names) if first else None
    return last if first and last and first <= last <= first + NEAR else first


def _problem(file: str, message: str, line: int | None) -> Problem:
    return Problem(file, line, None, None, RULE, message, _REMEDY)


def declared_problems(estimates: Estimates) -> tuple[str, ...]:
    """What is wrong in each of these files that the review has: one text per file, with all its problems."""
    return tuple(str(error) for _, error in _errors(estimates))


def explain_declared(problems: tuple[str, ...]) -> str:
    """The problems of all files for a person, with what to do."""
    remedy = "Correct these files, or the rows that they name; no chapter was executed."
    return "\n\n".join(["files of data/ name what is not there, or leave out what is:", *problems, remedy])
