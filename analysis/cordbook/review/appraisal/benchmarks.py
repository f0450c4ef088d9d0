"""How the project measured beside others, and what it withstood: the stored results of ``benchmarks/``, summed up for the page that shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

from cordbook.review.appraisal.coverage import FOLDER

#: The program of ``benchmarks/`` that writes each file of results, with what it is called with.
PROGRAMS = {
    "synthesis": "run_synthesis.py",
    "multiverse": "run_multiverse.py",
    "build": "run_build.py --rounds 3; run_build.py --growth 10 40 100",
    "dedupe": "run_dedupe.py --bib-dedupe-python PYTHON --sets FILES",
    "screening": "run_screening.py --asreview-python PYTHON --shuffles 4 --stopping-runs 16 FILES",
    "explorer": "run_explorer.py",
    "site": "run_site.py",
    "import": "run_import.py",
    "guide": "run_guide.py",
    "corruptions": "run_corruptions.py --cases 3000 --seed 1",
    "kills": "run_kills.py --kills 50 --seed 1; run_kills.py --moment publishing --kills 8 --seed 2",
    "hksj_floor": "few_studies.py",
    "subgroup_test": "few_studies.py",
}
OURS = "cordbook"
#: Questions of the synthesis: what is asked, and the aim as (seconds, times as fast as metafor); None where there is none.
QUESTIONS: dict[str, tuple[str, float | None, int | None]] = {
    "glmm": ("GLMM of 60 studies", None, 100),
    "glmm_with_profile_interval": ("the same with profile intervals and result", None, None),
    "reml_hksj": ("REML with Hartung-Knapp, 60 studies", None, 20),
    "dl": ("DerSimonian-Laird, 60 studies", None, None),
    "leave_one_out_glmm": ("leave-one-out GLMM, 60 studies", 0.05, None),
    "bootstrap_reml": ("10,000 REML fits of 60 studies", 2.0, None),
    "mantel_haenszel": ("Mantel-Haenszel odds ratio, 60 studies", None, None),
    "odds_ratio_glmm": ("exact conditional GLMM for odds ratios, 18 trials", None, None),
}
#: How many times as long metafor should take for every choice of a question, on one core.
CHOICES_AIM = 50
#: Kinds of build in words, by their names in the file.
BUILDS = {"cold": "from nothing", "nothing changed": "with nothing changed", "one count changed": "with one count changed"}
#: The program that the answers are compared with.
REFERENCE = "metafor"


def stored_file(name: str) -> Path:
    """The file of results of a name in :data:`PROGRAMS`, by its path in the project."""
    return FOLDER / f"{name}.{'csv' if name in ('hksj_floor', 'subgroup_test') else 'json'}"


def load_measured(root: Path, name: str) -> Any | None:
    """What a program of ``benchmarks/`` stored as JSON; None where it has not been run in this copy."""
    path = root / stored_file(name)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


@dataclass(frozen=True, slots=True)
class Fit:
    """One question of the synthesis: median seconds of ours and of each peer, and how far ours is from the reference as a share of it."""

    question: str
    text: str
    seconds: float
    others: Mapping[str, float]
    difference: float | None

    def times(self, peer: str) -> float | None:
        """How many times as long a peer takes; None where it has no such fit."""
        return self.others[peer] / self.seconds if peer in self.others else None

    @property
    def aim(self) -> tuple[str, bool] | None:
        """The aim in words and whether it is met; None where there is none or nothing to compare with."""
        _, most, times = QUESTIONS[self.question]
        if most is not None:
            return f"under {most:g} s", self.seconds < most
        found = self.times(REFERENCE)
        return None if times is None or found is None else (f"{times} times {REFERENCE}", found >= times)


def fits(found: Mapping[str, Any]) -> list[Fit]:
    """Medians over the stored rounds, question by question, in the order of :data:`QUESTIONS`.

    >>> [fit] = fits({"seconds": {"cordbook": {"dl": [1, 3, 2]}, "metafor": {"dl": [8, 8]}},
    ...               "values": {"cordbook": {"dl": 2.0}, "metafor": {"dl": 2.5}}})
    >>> fit.times("metafor"), round(fit.difference, 3)
    (4.0, 0.2)
    """
    medians = {peer: {question: median(s) for question, s in answers.items()} for peer, answers in found["seconds"].items()}
    ours, reference = medians.pop(OURS), found["values"].get(REFERENCE, {})
    return [
        Fit(
            question,
            text,
            ours[question],
            {peer: answers[question] for peer, answers in medians.items() if question in answers},
            abs(found["values"][OURS][question] / reference[question] - 1) if question in reference else None,
        )
        for question, (text, _, _) in QUESTIONS.items()
        if question in ours
    ]


@dataclass(frozen=True, slots=True)
class Builds:
    """One kind of build: median seconds by the clock and of processor time, by way of building."""

    what: str
    clock: Mapping[str, float]
    processor: Mapping[str, float]

    def times(self, way: str) -> float:
        """How many times as long another way takes, by processor time, which tells more on a machine with other work."""
        return self.processor[way] / self.processor[OURS]


def builds(found: Mapping[str, Any]) -> list[Builds]:
    """Medians over the stored rounds of builds, each of which holds seconds of the clock and of processor time."""
    return [
        Builds(
            BUILDS.get(what, what),
            {way: median(clock for clock, _ in rounds) for way, rounds in ways.items()},
            {way: median(processor for _, processor in rounds) for way, rounds in ways.items()},
        )
        for what, ways in found["seconds"].items()
    ]


@dataclass(frozen=True, slots=True)
class Ranking:
    """How two programs order the records of one set: means over the orders of the rows that were tried, and in how many ours was ahead."""

    set: str
    orders: int
    ahead: int
    place: tuple[float, float]
    saved: tuple[float, float]
    seconds: tuple[float, float]


def rankings(found: Sequence[Mapping[str, Any]], peer: str) -> list[Ranking]:
    """Ours beside a peer, set by set; only orders of the rows that both have."""
    # Their means stand in the file as well, under a name in the place of the number of the order.
    runs = {(r["set"], r["shuffle"], r["tool"]): r for r in found if isinstance(r.get("shuffle"), int)}
    result = []
    for name in dict.fromkeys(s for s, _, _ in runs):
        both = [
            (runs[name, order, OURS], runs[name, order, peer])
            for order in sorted({o for s, o, _ in runs if s == name})
            if (name, order, OURS) in runs and (name, order, peer) in runs
        ]
        if both:

            def means(key: str, both: list = both) -> tuple[float, float]:
                return fmean(a[key] for a, _ in both), fmean(b[key] for _, b in both)

            ahead = sum(a["place"] < b["place"] for a, b in both)
            result.append(Ranking(name, len(both), ahead, means("place"), means("wss95"), means("cpu_seconds")))
    return result


def orders_ahead(found: Sequence[Ranking]) -> tuple[int, int]:
    """In how many orders of all sets ours was ahead, and how many there were."""
    return sum(r.ahead for r in found), sum(r.orders for r in found)
