"""Pool the counts of one analysis: numbers in, numbers out, so that it runs on any worker.

A task holds all that its answer is made from. Both averages of a share come from one fit, so they are one task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cordbook.errors import CordbookError
from cordbook.review.estimates.declarations import PoolingLimits, Synthesis
from cordbook.review.estimates.side_by_side import reasons_not_to_pool
from cordbook.synthesis import ComparedArms, PooledProportion, compare_arms, pool_proportions
from cordbook.synthesis.pooling.proportions import COUNT_MODELS, check_choice_of_average, check_interval
from cordbook.synthesis.pooling.two_arms import check_comparison

#: What of a model a choice may set.
POOLING_KEYS = ("model", "measure", "ci", "average", "corrected", "hksj_floor")
COMPARISON = "comparison"
#: Models of comparisons that add nothing to the counts.
UNCORRECTED = ("mh", "peto", "glmm")
#: Fewer studies than this are no analysis of several.
FEWEST = 2


@dataclass(frozen=True, slots=True)
class Settings:
    """How counts are pooled, in one form: settings that do the same are equal."""

    kind: str
    model: str
    measure: str
    ci: str
    average: str
    corrected: str
    hksj_floor: bool
    level: float
    limits: PoolingLimits
    side_by_side: str


@dataclass(frozen=True, slots=True)
class Task:
    """The counts of the studies, one tuple a column, and how they are pooled; its settings leave the average open."""

    columns: tuple[tuple[int, ...], ...]
    settings: Settings


@dataclass(frozen=True, slots=True)
class Answer:
    """What an analysis gives; ``pooled`` is False where the limits of the declaration set its studies side by side."""

    estimate: float
    ci_low: float
    ci_high: float
    pooled: bool


@dataclass(frozen=True, slots=True)
class NoNumber:
    """Why the statistics gave no number."""

    why: str


#: The answers of a task by the average that they give; a comparison has one, under "".
Answers = tuple[tuple[str, Answer], ...] | NoNumber


def settings_of(synthesis: Synthesis, chosen: Sequence[tuple[str, str]]) -> Settings | str:
    """How a declaration pools with what was chosen in place of its own; why it cannot where choices do not go together."""
    names = {"model": synthesis.model, "measure": synthesis.measure, "ci": synthesis.ci, "average": synthesis.average}
    asked = {**names, "corrected": "zero", "hksj_floor": "yes", **dict(chosen)}
    model, measure = str(asked["model"]), str(asked["measure"])
    comparing = synthesis.kind == COMPARISON
    try:
        if comparing:
            measure, ci = check_comparison(measure, model, asked["ci"], synthesis.level)
            average = ""
        else:
            ci = check_interval(model, asked["ci"])
            average = check_choice_of_average(asked["average"], model, measure)
            if model in COUNT_MODELS and measure != "logit":
                return f"{model} is on the logit"
            if model == "betabinomial" and average != "population":
                return "the beta-binomial has the population average for its parameter"
    except ValueError as error:
        return str(error)
    untouched = model in UNCORRECTED if comparing else model in COUNT_MODELS or measure not in ("logit", "raw")
    corrected = "zero" if untouched else str(asked["corrected"])
    # Only a Hartung-Knapp interval of effect sizes has a scale, and so a floor.
    floor = asked["hksj_floor"] == "yes" or ci != "hksj" or model in COUNT_MODELS
    return Settings(
        synthesis.kind,
        model,
        measure,
        ci,
        average,
        corrected,
        floor,
        synthesis.level,
        synthesis.not_pooled_if,
        synthesis.side_by_side,
    )


def work(task: Task) -> Answers:
    """The answers of a task, or why there are none."""
    try:
        return _compared(task) if task.settings.kind == COMPARISON else _shares(task)
    except CordbookError:
        raise
    except (ValueError, RuntimeError) as error:
        return NoNumber(str(error).splitlines()[0])


def _shares(task: Task) -> Answers:
    s = task.settings
    events, n = task.columns
    found = pool_proportions(
        events, n, measure=s.measure, model=s.model, ci=s.ci, level=s.level, hksj_floor=s.hksj_floor, corrected=s.corrected,
        tau2_interval=False, average="population" if s.model == "betabinomial" else None, both_averages=False,
    )  # fmt: skip
    averages = {"median": found.median_study, "population": found.population_average}
    answers = []
    for name, average in averages.items():
        if average is None:
            continue
        shown = replace(found, estimate=average.estimate, ci_low=average.ci_low, ci_high=average.ci_high, average=name)
        answers.append((name, _answer(shown, s)))
    return tuple(answers)


def _compared(task: Task) -> Answers:
    s = task.settings
    found = compare_arms(
        *task.columns, measure=s.measure, model=s.model, ci=s.ci, level=s.level, hksj_floor=s.hksj_floor, corrected=s.corrected
    )
    return (("", _answer(found, s)),)


def _answer(result: PooledProportion | ComparedArms, settings: Settings) -> Answer:
    reasons = reasons_not_to_pool(result, settings.limits, settings.side_by_side)
    return Answer(float(result.estimate), float(result.ci_low), float(result.ci_high), not reasons)
