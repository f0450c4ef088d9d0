"""Do the intervals of both averages cover, down to two studies? A simulation beside `coverage.py`, which is of the median study alone.

    python benchmarks/coverage_averages.py                      the whole table, into benchmarks/results/coverage_averages.csv
    python benchmarks/coverage_averages.py --replications 200   a quick look

Studies get sizes of the review's own single arms, as in `coverage.py`. Their true proportions have the population average p and are drawn in one of
two ways: logits from a normal distribution with standard deviation tau (the model of the GLMM), or proportions from a beta distribution with
intra-study correlation rho (the beta-binomial model). Every method meets the same data sets. Columns are described in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import asdict, dataclass, fields
from itertools import product
from pathlib import Path
from zlib import crc32

import numpy as np
from coverage import LEVEL, ROOT, SEED, SIZES_OUTCOME, add_runner_options, as_task, own_arms, run_tasks, spread
from scipy.special import expit, logit, stdtrit
from scipy.stats import beta

from cordbook.synthesis.glmm import betabinomial, single_arm
from cordbook.synthesis.glmm.average import mu_of_average
from cordbook.synthesis.pooling.effects import critical_value
from cordbook.synthesis.pooling.proportions import study_intervals

DEFAULT_REPLICATIONS = 1000  # Monte Carlo error of a coverage near 95%: 0.007
STUDIES = (2, 3, 4, 5, 10, 27)
AVERAGES = (0.01, 0.05, 0.3)
TRUTHS = (("normal", 0.5), ("normal", 1.5), ("beta", 0.01), ("beta", 0.1))


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    scenario: str
    k: int
    participants: int
    truth: str
    spread: float
    average: str
    p: float
    method: str
    replications: int
    coverage: float
    coverage_mc_error: float
    missed_below: float
    missed_above: float
    width: float
    median_width: float
    ratio: float
    without_maximum: float


def scenarios(sizes: list[int]) -> list[tuple[str, np.ndarray, str, float, float]]:
    """Name, sizes, truth, spread (tau or rho) and population average of every scenario."""
    return [
        (f"k{k}_p{p:g}_{truth}{by:g}", spread(sizes, k), truth, by, p) for k, p, (truth, by) in product(STUDIES, AVERAGES, TRUTHS)
    ]


def medians_of(truth: str, by: float, p: float) -> float:
    """The proportion of the median study where the population average is p."""
    if truth == "normal":
        return float(expit(mu_of_average(np.array([logit(p)]), np.array([by]))[0]))
    s = 1.0 / by - 1.0
    return float(beta.median(p * s, (1.0 - p) * s))


def draw(rng: np.random.Generator, n: np.ndarray, truth: str, by: float, p: float) -> np.ndarray:
    """Events of one data set."""
    if truth == "normal":
        mu = mu_of_average(np.array([logit(p)]), np.array([by]))[0]
        return rng.binomial(n, expit(mu + by * rng.standard_normal(len(n))))
    s = 1.0 / by - 1.0
    return rng.binomial(n, rng.beta(p * s, (1.0 - p) * s, len(n)))


def intervals(events: np.ndarray, n: np.ndarray) -> tuple[dict[tuple[str, str], tuple[float, float, float]], bool]:
    """Estimate and interval of every (average, method) for one data set, and whether the likelihood had no maximum."""
    x, size = events.astype(float), n.astype(float)
    crude = float(x.sum() / size.sum())
    low, high = (float(end[0]) for end in study_intervals([events.sum()], [n.sum()], level=LEVEL))
    found = {("population", "crude_exact"): (crude, low, high)}
    fit, peak = single_arm.fit_counts(x, size)
    if peak is None:
        exact = (crude, low, high)
        if fit.status == "separated":
            some, k = int((events > 0).sum()), len(n)
            exact = (some / k, *(float(end[0]) for end in study_intervals([some], [k], level=LEVEL)))
        return found | dict.fromkeys([*_of_glmm(None, None, None, None), *_of_beta(None, None)], exact), True
    return found | _of_glmm(fit, peak, x, size) | _of_beta(x, size), False


def _of_glmm(fit, peak, x, size) -> dict[tuple[str, str], tuple[float, float, float]]:
    names = [("population", f"glmm_{way}") for way in ("profile_t", "profile", "delta_t", "delta")] + [
        ("median", "glmm_profile_t")
    ]
    if peak is None:
        return dict.fromkeys(names, ())
    reach = critical_value(LEVEL, len(x) - 1), critical_value(LEVEL, None)
    ways = (
        {"profile": True, "small_sample": True},
        {"profile": True},
        {"profile": False, "reach": reach[0]},
        {"profile": False, "reach": reach[1]},
    )
    limits = []
    for way in ways:
        at, low, high = single_arm.average_limits(x, size, peak, LEVEL, **way)
        limits.append((float(at.mean[0]), float(expit(low)), float(expit(high))))
    ends = single_arm.limits_of_peak(x, size, peak, LEVEL, of_tau2=False, small_sample=True)
    limits.append(tuple(float(expit(value)) for value in (fit.mu, ends.mu_low, ends.mu_high)))
    return dict(zip(names, limits, strict=True))


def _of_beta(x, size) -> dict[tuple[str, str], tuple[float, float, float]]:
    names = [("population", f"betabinomial_{way}") for way in ("profile", "profile_t", "wald", "robust", "robust_t")]
    if x is None:
        return dict.fromkeys(names, ())
    fit, surface = betabinomial.fit_counts(x, size)
    cuts = single_arm.profile_cut(LEVEL), single_arm.profile_cut(LEVEL, len(x))
    ends = [betabinomial.limits_of_mean(surface, fit.peaks[0], cut) for cut in cuts]
    z, t = critical_value(LEVEL, None), float(stdtrit(len(x) - 1, (1 + LEVEL) / 2))
    ends += [(fit.eta - r, fit.eta + r) for r in (z * fit.se, z * fit.robust_se, t * fit.robust_se)]
    return {name: (fit.mean, float(expit(low)), float(expit(high))) for name, (low, high) in zip(names, ends, strict=True)}


def simulate(name: str, n: np.ndarray, truth: str, by: float, p: float, replications: int) -> list[Line]:
    """All methods on the same data sets of one scenario."""
    rng = np.random.default_rng([SEED, crc32(name.encode())])
    true = {"population": p, "median": medians_of(truth, by, p)}
    results: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    limiting = 0
    for _ in range(replications):
        found, without = intervals(draw(rng, n, truth, by, p), n)
        limiting += without
        for method, values in found.items():
            results.setdefault(method, []).append(values)
    return [
        _line(name, n, truth, by, average, true[average], method, np.array(rows), limiting / replications)
        for (average, method), rows in results.items()
    ]


def _line(name, n, truth, by, average, p, method, values, limiting) -> Line:
    estimate, low, high = values.T
    covered = float(np.mean((low <= p) & (p <= high)))
    return Line(
        scenario=name,
        k=len(n),
        participants=int(n.sum()),
        truth=truth,
        spread=by,
        average=average,
        p=p,
        method=method,
        replications=len(estimate),
        coverage=covered,
        coverage_mc_error=float(np.sqrt(covered * (1 - covered) / len(estimate))),
        missed_below=float(np.mean(high < p)),
        missed_above=float(np.mean(low > p)),
        width=float(np.mean(high - low)),
        median_width=float(np.median(high - low)),
        ratio=float(np.mean(estimate) / p),
        without_maximum=limiting,
    )


def simulate_task(task: tuple) -> list[Line]:
    """:func:`simulate` for a task of :func:`coverage.as_task`."""
    name, n, *rest = task
    return simulate(name, np.array(n), *rest)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=DEFAULT_REPLICATIONS)
    add_runner_options(parser)
    parser.add_argument("--outcomes", type=Path, default=ROOT / "data" / "outcomes.csv")
    parser.add_argument("--studies", type=Path, default=ROOT / "data" / "studies.csv")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "coverage_averages.csv")
    args = parser.parse_args(arguments)
    wanted = scenarios([n for _, n in own_arms(args.outcomes, args.studies)[SIZES_OUTCOME]])
    lines: dict[str, list[Line]] = {name: [] for name, *_ in wanted}
    tasks = [as_task(scenario, args.replications) for scenario in wanted]
    for scenario, found in zip(wanted, run_tasks(simulate_task, tasks, Path(__file__), args), strict=True):
        lines[scenario[0]] = found
    write(args.output, Line, [line for found in lines.values() for line in found])
    return 0


def write(path: Path, kind: type, lines: list) -> None:
    """Write records of a dataclass as CSV, atomically."""
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: f"{v:.6g}" if isinstance(v, float) else v for key, v in asdict(line).items()} for line in lines)
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())
