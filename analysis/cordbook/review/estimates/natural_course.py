"""What happens without the treatment: which estimates of the natural course stand beside a study, by ``data/natural_course.yml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from cordbook.core.yaml import declared, read_yaml
from cordbook.errors import InputError
from cordbook.evidence.counts import Count
from cordbook.evidence.evidence import Evidence
from cordbook.evidence.rules.files import NATURAL_COURSE, TEXTS, natural_course_problems
from cordbook.evidence.subject_tables import PHASE, SubjectTables
from cordbook.review.estimates.declarations import Synthesis

FILE = NATURAL_COURSE


class NaturalCourseError(InputError):
    """``natural_course.yml`` cannot be used; the message lists every problem."""


@dataclass(frozen=True, slots=True)
class NaturalCourse:
    """For which studies the natural course is told, and by which estimates.

    A study of ``population`` that counts ``outcome`` is set beside estimates for values of the stratum key ``key``, called
    ``value_name`` in a sentence; ``fact`` are the columns that count its people by these values. ``not_for`` gives the phases of
    studies for which an estimate of a phase is not a yardstick, ``alike`` those whose people are like its own; an estimate that names none is of ``usual_phase``. The explorer sets
    that of ``usual_value`` beside a question that names no value of the key.
    """

    outcome: str
    population: str
    key: str
    fact: str
    value_name: str
    usual_phase: str
    not_for: Mapping[str, tuple[str, ...]]
    usual_value: str = ""
    #: Phases of studies whose people are like those of an estimate of a phase; where none are given, those of the same name.
    alike: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def value_of(self, synthesis: Synthesis) -> str | None:
        """The value of the key that a declared estimate of the natural course is for; None where it is not such an estimate."""
        asked = dict(synthesis.strata) if isinstance(synthesis.strata, tuple) else {}
        of_nature = synthesis.where == (("role", ("natural_course",)),) and synthesis.outcome == self.outcome
        return asked.get(self.key) if of_nature and asked.keys() <= {self.key, PHASE} else None

    def suits(self, synthesis: Synthesis, phases: Iterable[str | None]) -> bool:
        """Does an estimate speak of one of the phases at which people of a study were treated?"""
        return any(phase not in self.not_for.get(self._phase_of(synthesis), ()) for phase in phases)

    def _phase_of(self, synthesis: Synthesis) -> str:
        return dict(synthesis.strata).get(PHASE, self.usual_phase) if isinstance(synthesis.strata, tuple) else self.usual_phase

    def is_alike(self, synthesis: Synthesis, counts: Iterable[Count], study: Mapping[str, Any], subject: SubjectTables) -> bool:
        """Are all people of some counts of a study known to be like those of an estimate: its population, value and phase?

        What is not on record is not known to be alike.
        """
        value, phases = self.value_of(synthesis), self.alike.get(self._phase_of(synthesis), (self._phase_of(synthesis),))
        by_value, by_phase = subject.fact(self.fact), subject.fact(PHASE)
        if value is None or study.get("population") != self.population:
            return False
        of_study = dict(by_value.counted(study)) if by_value else {}
        usual = study.get(by_phase.columns[0][1]) if by_phase else None
        for count in counts:
            stratum = dict(count.stratum)
            only_these = of_study.keys() == {value} and of_study[value] >= count.n
            if stratum.get(self.key) != value and not (self.key not in stratum and only_these):
                return False
            if stratum.get(PHASE, usual) not in phases:
                return False
        return True


def study_rows(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """Studies as :meth:`NaturalCourse.is_alike` takes them: rows by id, what is blank as None."""
    return {
        row["study_id"]: {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in evidence["studies"].to_dict("records")
    }


def load_natural_course(data: Path) -> NaturalCourse | None:
    """Read ``natural_course.yml`` of a data folder; None where there is none. Raises :class:`NaturalCourseError`."""
    path = data / FILE
    if not path.is_file():
        return None
    with declared(path, NaturalCourseError):
        return parse_natural_course(read_yaml(path), path.name)


def parse_natural_course(content: Any, name: str = FILE) -> NaturalCourse:
    """Check and freeze the content of the file."""
    if problems := [message for _, message in natural_course_problems(content)]:
        raise NaturalCourseError(f"{name}: {len(problems)} problem(s)\n  " + "\n  ".join(problems))
    phases = {key: {phase: tuple(others) for phase, others in (content.get(key) or {}).items()} for key in ("not_for", "alike")}
    return NaturalCourse(**{key: content[key] for key in TEXTS}, **phases, usual_value=content.get("usual_value", ""))
