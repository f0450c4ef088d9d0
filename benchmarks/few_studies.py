"""Two promises where studies are few, in simulated data without any effect.

    python benchmarks/few_studies.py                      both tables, into benchmarks/results
    python benchmarks/few_studies.py --replications 200   a quick look

hksj_floor.csv: trials of two arms, as many events expected in both, each with events and non-events. How often is the Hartung-Knapp
interval of the pooled odds ratio narrower than that of the common-effect model, and how often does it leave out 1, with its floor and without?

subgroup_test.csv: two groups of studies with one mean. How often does the test between groups have p below 0.05? Beside the test of the
package stand the ones that it does not use: with the standard errors of Hartung and Knapp (its test until version 0.1), and F with a common
tau2 and Knapp and Hartung's factor, with its floor and without. Each scenario draws from a seed of its own name. All data sets of a scenario
are fitted together by the fit that the package uses; the first ones are checked against its public functions.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from cordbook.synthesis import compare_arms, subgroup_effects, subgroup_proportions
from cordbook.synthesis.regression.linear_model import LinearFit, fit_linear
from cordbook.synthesis.two_arm import check_two_arm_counts, effects_of_tables

RESULTS = Path(__file__).resolve().parent / "results"
SEED = 20261129
LEVEL = 0.05
DEFAULT_REPLICATIONS = 10_000  # Monte Carlo error of a share near 5%: 0.002
# The likelihood is fitted one data set at a time.
REPLICATIONS_OF_LIKELIHOOD = 1000
CHECKED = 5

STUDIES = (3, 4, 5)
RISKS = (0.1, 0.3)
#: Standard deviations between studies: of log odds ratios, and for the groups beside a sampling variance of 0.1 (0.32 squared).
TAUS_OF_TRIALS = (0.0, 0.5)
GROUPS = ((2, 2), (3, 3), (5, 5))
TAUS_OF_EFFECTS = (0.0, 0.15, 0.22, 0.32, 0.71)
VARIANCE = 0.1
TAUS_OF_COUNTS = (0.0, 0.3)
PROPORTION, LEAST, MOST = 0.3, 20, 60
ROUNDING = 1e-12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replications", type=int, default=DEFAULT_REPLICATIONS)
    replications = parser.parse_args().replications
    write("hksj_floor.csv", floor_rows(replications))
    write("subgroup_test.csv", (row for rows in (effect_rows, proportion_rows) for row in rows(replications)))


def write(name: str, rows: Iterator[dict[str, object]]) -> None:
    found = list(rows)
    with (RESULTS / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def source(*name: object) -> np.random.Generator:
    return np.random.default_rng([SEED, crc32(" ".join(map(str, name)).encode())])


def floor_rows(replications: int) -> Iterator[dict[str, object]]:
    for k, risk, tau in product(STUDIES, RISKS, TAUS_OF_TRIALS):
        arms = trials(source("floor", k, risk, tau), k, risk, tau, replications)
        yi, vi = (part.reshape(-1, k) for part in effects_of_tables("OR", check_two_arm_counts(*(arm.ravel() for arm in arms))))
        X = np.ones((len(yi), k, 1))
        common = stats.norm.ppf(1 - LEVEL / 2) * fit_linear(yi, vi, X, model="common").se[:, 0]
        for name, floor in (("floor", True), ("no floor", False)):
            fit = fit_linear(yi, vi, X, ci="hksj", hksj_floor=floor)
            reach = stats.t.ppf(1 - LEVEL / 2, k - 1) * fit.se[:, 0]
            for i in range(CHECKED):
                found = compare_arms(*(arm[i] for arm in arms), hksj_floor=floor).model_scale
                assert np.isclose(found.ci_high - found.ci_low, 2 * reach[i], rtol=1e-6)
            yield {
                "k": k, "risk": risk, "tau": tau, "interval": name, "replications": len(yi),
                "narrower_than_common_effect": f"{np.mean(reach < common * (1 - ROUNDING)):.4f}",
                "leaves_out_no_effect": f"{np.mean(np.abs(fit.beta[:, 0]) > reach):.4f}",
            }  # fmt: skip


def trials(draw: np.random.Generator, k: int, risk: float, tau: float, replications: int) -> list[np.ndarray]:
    """Counts of two arms, shape (replications, k) each, redrawn where a trial has no events, or nothing but events, in both arms."""
    size = (4 * replications, k)
    n1, n2 = draw.integers(LEAST, MOST, (2, *size))
    own = logit(risk) + draw.normal(0, 0.3, size)
    x1, x2 = draw.binomial(n1, expit(own + draw.normal(0, tau, size))), draw.binomial(n2, expit(own))
    some = ((x1 + x2 > 0) & (x1 + x2 < n1 + n2)).all(axis=1)
    return [arm[some][:replications] for arm in (x1, n1, x2, n2)]


def effect_rows(replications: int) -> Iterator[dict[str, object]]:
    for sizes, tau in product(GROUPS, TAUS_OF_EFFECTS):
        k, of_a = sum(sizes), np.arange(sum(sizes)) < sizes[0]
        yi = source("effects", sizes, tau).normal(0, np.sqrt(VARIANCE + tau**2), (replications, k))
        vi = np.full(yi.shape, VARIANCE)
        groups = [
            fit_linear(yi[:, at], vi[:, at], np.ones((replications, at.sum(), 1)), ci="hksj", hksj_floor=False)
            for at in (of_a, ~of_a)
        ]
        X = np.broadcast_to(np.column_stack([of_a, ~of_a]).astype(float), (replications, k, 2))
        together = fit_linear(yi, vi, X, ci="hksj", hksj_floor=False)
        gap = (groups[0].beta[:, 0] - groups[1].beta[:, 0]) ** 2
        within = (together.beta[:, 0] - together.beta[:, 1]) ** 2 / variance(together)
        p = {
            "Q between (package)": stats.chi2.sf(gap / sum(variance(fit) for fit in groups), 1),
            "common tau2 (package)": stats.chi2.sf(within, 1),
            "Hartung-Knapp errors in chi2": stats.chi2.sf(gap / sum(variance(fit) * fit.s2w for fit in groups), 1),
            "F, common tau2, no floor": stats.f.sf(within / together.s2w, 1, k - 2),
            "F, common tau2, floor": stats.f.sf(within / np.maximum(together.s2w, 1.0), 1, k - 2),
        }
        for i in range(CHECKED):
            for name, tau2 in (("Q between (package)", "separate"), ("common tau2 (package)", "common")):
                found = subgroup_effects(yi[i], vi[i], np.where(of_a, "a", "b").tolist(), tau2=tau2).between.p
                assert np.isclose(found, p[name][i], rtol=1e-6, atol=1e-12)
        yield from tested("effects", sizes, tau, p)


def variance(fit: LinearFit) -> np.ndarray:
    """Variance of the mean of a group, or of the difference of two, before Knapp and Hartung's factor."""
    return np.trace(fit.bread, axis1=-2, axis2=-1)


def proportion_rows(replications: int) -> Iterator[dict[str, object]]:
    for sizes, tau in product(GROUPS, TAUS_OF_COUNTS):
        draw = source("proportions", sizes, tau)
        k, names = sum(sizes), ["a"] * sizes[0] + ["b"] * sizes[1]
        p: dict[str, list[float]] = {"likelihood ratio (package, glmm)": [], "Q between (package, reml)": []}
        for _ in range(min(replications, REPLICATIONS_OF_LIKELIHOOD)):
            n = draw.integers(LEAST, MOST, k)
            x = draw.binomial(n, expit(logit(PROPORTION) + draw.normal(0, tau, k)))
            p["likelihood ratio (package, glmm)"].append(subgroup_proportions(x, n, names, ci="wald").between.p)
            p["Q between (package, reml)"].append(subgroup_proportions(x, n, names, model="reml").between.p)
        yield from tested("proportions", sizes, tau, p)


def tested(what: str, sizes: tuple[int, int], tau: float, p: dict[str, Sequence[float]]) -> Iterator[dict[str, object]]:
    for name, values in p.items():
        share = float(np.mean(np.asarray(values) < LEVEL))
        yield {
            "of": what, "studies": f"{sizes[0]}+{sizes[1]}", "tau": tau, "test": name, "replications": len(values),
            "false_positives": f"{share:.4f}", "mc_error": f"{np.sqrt(share * (1 - share) / len(values)):.4f}",
        }  # fmt: skip


if __name__ == "__main__":
    main()
