"""How often does the comparison with natural recovery err when a treatment does nothing? A simulation with the review's own sizes.

    python benchmarks/coverage_expected.py                      the whole table, into benchmarks/results/coverage_expected.csv
    python benchmarks/coverage_expected.py --replications 100   a quick look

Each run draws the reports of natural recovery anew (with their own sizes; early after the injury several, late one), pools them as the review
does, and draws treated groups with the sizes of the groups that the review compares, whose true shares are those of natural recovery with a
deviation of their own. Counted is how often the interval of the difference holds 0 and that of the ratio 1. Columns are described in
benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path
from statistics import median

import numpy as np
from scipy.special import expit, logit

from cordbook.review.estimates.estimates import load_estimates
from cordbook.review.expected.comparison import expectation_of
from cordbook.synthesis import pool_proportions
from cordbook.synthesis.expected.natural import NaturalShare, natural_share_of_one
from cordbook.synthesis.expected.pooling import TreatedGroup, observed_against_expected

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "coverage_expected.csv"
EARLY, LATE, TREATED = "natural-ais-a-acute", "natural-ais-a-late", "ais-improved-cell-therapy"
DEFAULT_REPLICATIONS = 400  # Monte Carlo error of a coverage near 95%: 0.011
TAUS = (0.0, 0.47, 0.8)
SEED = 20261130
FIELDS = ("scenario", "groups", "people", "tau", "replications", "difference", "ratio", "mc_error", "median_width")


def simulate(
    rng: np.random.Generator,
    sizes: dict[str, list[int]],
    groups: list[tuple[str, int]],
    shares: dict[str, float],
    tau: float,
    runs: int,
):
    """Coverage of the difference and of the ratio, and the median width of the difference."""
    held, held_ratio, widths = 0, 0, []
    for _ in range(runs):
        natural, tau2 = {}, 0.0
        for name in (EARLY, LATE):
            n = np.array(sizes[name])
            events = rng.binomial(n, expit(logit(shares[name]) + tau * rng.standard_normal(len(n))))
            if len(n) > 1:
                found = pool_proportions(events, n, measure="logit", model="glmm", average="population")
                tau2 = found.tau2 or 0.0
                natural[name] = NaturalShare(
                    found.model_scale.estimate, found.model_scale.se, tau2, len(n), int(events.sum()), int(n.sum())
                )
            else:
                natural[name] = natural_share_of_one(int(events[0]), int(n[0]), tau2)
        treated = [
            TreatedGroup(str(i), int(rng.binomial(n, expit(logit(shares[name]) + tau * rng.standard_normal()))), ((name, n),))
            for i, (name, n) in enumerate(groups)
        ]
        r = observed_against_expected(treated, natural)
        held += r.ci_low <= 0 <= r.ci_high
        held_ratio += r.ratio_low is None or r.ratio_low <= 1 <= r.ratio_high
        widths.append(r.ci_high - r.ci_low)
    return held / runs, held_ratio / runs, median(widths)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=DEFAULT_REPLICATIONS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    estimates = load_estimates(ROOT)
    sizes = {name: [row.n for row in estimates[name].rows] for name in (EARLY, LATE)}
    shares = {name: estimates[name].result.estimate for name in (EARLY, LATE)}
    compared = [part for study in expectation_of(estimates, TREATED).studies for part in study.parts]
    scenarios = {
        "early": [part for part in compared if part[0] == EARLY],
        "late": [part for part in compared if part[0] == LATE],
        "both": compared,
    }
    rng, lines = np.random.default_rng(SEED), []
    for scenario, groups in scenarios.items():
        for tau in TAUS:
            difference, ratio, width = simulate(rng, sizes, groups, shares, tau, options.replications)
            error = (0.95 * 0.05 / options.replications) ** 0.5
            people = sum(n for _, n in groups)
            lines.append(
                (scenario, len(groups), people, tau, options.replications, difference, ratio, round(error, 4), round(width, 2))
            )
            print(*lines[-1], flush=True)
    with options.output.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([FIELDS, *lines])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
