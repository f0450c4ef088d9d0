"""Rules on files beside the tables, for the validator: ``natural_course.yml``, and the pages that sections name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from cordbook.core.trust.patterns import matches
from cordbook.core.yaml import read_yaml
from cordbook.evidence.patients import KEYS
from cordbook.evidence.problems import Problem
from cordbook.evidence.rules.base import Data, listed
from cordbook.evidence.subject_tables import FACTS, PHASE, SECTIONS

NATURAL_COURSE = "natural_course.yml"
#: Keys of natural_course.yml: those that it must have, all of them texts, and those that it may have.
TEXTS = ("outcome", "population", "key", "fact", "value_name", "usual_phase")
MAY = ("usual_value", "not_for", "alike")
#: What a page is written as.
PAGE_SUFFIXES = (".ipynb", ".md")
FILE_RULES: Mapping[str, str] = {
    "natural-course": "natural_course.yml has its keys, and names outcomes, strata, facts and values that exist.",
    "section-page": "A section names a page of the book that exists.",
}


def natural_course_problems(content: Any) -> Iterator[tuple[str | None, str]]:
    """What is wrong with the form of natural_course.yml: the key, None for the whole, and why."""
    known = ", ".join((*TEXTS, *MAY))
    if not isinstance(content, Mapping):
        yield None, f"expected keys and values; there are {known}"
        return
    yield from ((key, f"{key} is missing or not a text") for key in TEXTS if not isinstance(content.get(key), str))
    yield from ((str(key), f"unknown key {key!r}; known are {known}") for key in content if key not in (*TEXTS, *MAY))
    if not isinstance(content.get("usual_value", ""), str):
        yield "usual_value", "usual_value is not a text"
    for key in ("not_for", "alike"):
        by_phase = content.get(key) or {}
        if not isinstance(by_phase, Mapping) or not all(isinstance(phases, list) for phases in by_phase.values()):
            yield key, f"{key} gives a list of phases of studies for each phase of estimates"


def check_natural_course(data_dir: Path, data: Data) -> Iterator[Problem]:
    """Compare natural_course.yml with the tables; a review need not have it."""
    path = data_dir / NATURAL_COURSE
    if not path.is_file():
        return
    try:
        content = read_yaml(path)
    except (OSError, yaml.YAMLError):  # told with all other declared files
        return
    of_form = list(natural_course_problems(content))
    for key, message in of_form:
        value = content.get(key) if key and isinstance(content, Mapping) else None
        yield _problem(key, value, f"{message[0].upper()}{message[1:]}.", "Write the file as docs/new_review.md shows it.")
    if not of_form:
        yield from _names_of_nothing(content, data)


def _names_of_nothing(content: Mapping[str, Any], data: Data) -> Iterator[Problem]:
    """Values that are not in the tables where they should stand; a table that the folder lacks is asked for nothing."""
    places = {"outcome": ("outcome_terms", "outcome"), "key": (KEYS, "key"), "fact": (FACTS, "fact")}
    for key, (table, column) in places.items():
        known = [row[column] for row in data.rows(table)]
        if data.has(table) and content[key] not in known:
            yield _problem(
                key, content[key], f"{data.file(table)} has no {column} {content[key]!r}.", f"There are {listed(known, 20)}."
            )
    population = data.field("studies", "population")
    if population and population.enum and content["population"] not in population.enum:
        message = f"{content['population']} is not a valid population in {data.file('studies')}."
        yield _problem("population", content["population"], message, f"Allowed: {listed(population.enum, 20)}.")
    not_for = content.get("not_for") or {}
    phases = [content["usual_phase"], *not_for, *(phase for others in not_for.values() for phase in others)]
    asked = [("usual_value", content["key"], content.get("usual_value", ""))]
    asked += [("usual_phase" if number == 0 else "not_for", PHASE, str(phase)) for number, phase in enumerate(phases)]
    for key, stratum, value in asked:
        row = data.by_key(KEYS).get(stratum)
        if row and value and not matches(row["pattern"], value):
            remedy = f"Values of the key must match {row['pattern']} ({data.file(KEYS)})."
            yield _problem(key, value, f"{value!r} is not a value of {stratum}.", remedy)


def _problem(key: str | None, value: Any, message: str, remedy: str) -> Problem:
    return Problem(NATURAL_COURSE, None, key, None if value is None else str(value), "natural-course", message, remedy)


def check_section_pages(project: Path, data: Data) -> Iterator[Problem]:
    """Look for the page of every section that names one."""
    for row in data.rows(SECTIONS):
        page = row["page"]
        if page and not any((project / f"{page}{suffix}").is_file() for suffix in PAGE_SUFFIXES):
            message = f"There is no page {page}; estimates of the section would lead nowhere."
            remedy = "Name the page by its path without its ending, as _toc.yml does, or leave it blank."
            yield data.problem(row.violation("page", message, remedy=remedy), "section-page")
