"""Do the intervals cover? A simulation at the study sizes of this review.

    python benchmarks/coverage.py                      the whole table, into benchmarks/results/coverage.csv
    python benchmarks/coverage.py --replications 200   a quick look
    python benchmarks/coverage.py --only own_          some scenarios anew, the other lines kept

Studies get the sizes of the review's own single arms; their true logits are drawn from a normal distribution with mean logit(p) and standard
deviation tau, their events from a binomial one. The estimand is the median study's proportion, p = expit(mean logit). There are two sets of
scenarios: a grid of p, tau and number of studies, and one scenario for each outcome of the review at its own sizes, its fitted p and its fitted
tau. Each scenario draws from a seed of its own name, so adding one changes no other. Columns are described in benchmarks/README.md.
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
from scipy import stats
from scipy.special import expit, logit, ndtr

from cordbook.core.files import file_digest
from cordbook.core.project import Project
from cordbook.core.store import store_of
from cordbook.core.work.runner import run_all
from cordbook.synthesis.glmm.single_arm import mean_proportion
from cordbook.synthesis.pooling.effects import prediction_limits
from cordbook.synthesis.pooling.proportions import pool_proportions

ROOT = Path(__file__).resolve().parents[1]
SEED = 20261120
LEVEL = 0.95
DEFAULT_REPLICATIONS = 1500  # Monte Carlo error of a coverage near 95%: 0.006

# The outcome whose arms lend their sizes to the grid: the review's main question, with the most poolable arms.
SIZES_OUTCOME = "ais_improved"
STUDIES = (5, 10, 27)
PROPORTIONS = (0.02, 0.1, 0.5)
TAUS = (0.0, 0.5, 1.0)
# Outcomes with fewer poolable arms than this have no scenario of their own.
FEWEST_ARMS = 5
# The true proportion given to an outcome without any event: half an event in all its participants.
HALF_AN_EVENT = 0.5


@dataclass(frozen=True, slots=True)
class Method:
    """A way to an interval; `recipe` are arguments of `pool_proportions`."""

    name: str
    recipe: dict[str, object]


METHODS = (
    Method("reml_logit_wald", {"model": "reml", "ci": "wald"}),
    Method("reml_logit_hksj", {"model": "reml", "ci": "hksj", "hksj_floor": False}),
    Method("reml_logit_hksj_floor", {"model": "reml", "ci": "hksj", "hksj_floor": True}),
    Method("dl_logit_wald", {"model": "dl", "ci": "wald"}),
    Method("reml_arcsine_hksj", {"model": "reml", "ci": "hksj", "hksj_floor": False, "measure": "arcsine"}),
    Method("reml_double_arcsine_hksj", {"model": "reml", "ci": "hksj", "hksj_floor": False, "measure": "double-arcsine"}),
    Method("reml_raw_hksj", {"model": "reml", "ci": "hksj", "hksj_floor": False, "measure": "raw"}),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table."""

    scenario: str
    k: int
    participants: int
    p: float
    tau: float
    method: str
    replications: int
    coverage: float
    coverage_mc_error: float
    missed_below: float
    missed_above: float
    coverage_mean_proportion: float
    width: float
    bias: float
    prediction_coverage: float
    no_events: float
    failures: int


def own_arms(outcomes: Path, studies: Path) -> dict[str, list[tuple[int, int]]]:
    """(events, n) of the poolable treated arms (all patients of the arm) of each outcome, largest arm first."""
    known = {row["study_id"] for row in _rows(studies)}
    arms: dict[str, dict[str, tuple[int, int]]] = {}
    for row in _rows(outcomes):
        # Arms are named study.role.
        treated = row["arm_id"].rpartition(".")[2] == "treated"
        if treated and row["poolable"] == "yes" and not row["stratum"].strip() and row["study_id"] in known and row["n"]:
            arms.setdefault(row["outcome"], {})[row["study_id"]] = (int(row["events"]), int(row["n"]))
    if SIZES_OUTCOME not in arms:
        raise SystemExit(f"{outcomes} holds no poolable treated arm of {SIZES_OUTCOME}: check its columns and values.")
    return {name: sorted(cells.values(), key=lambda cell: -cell[1]) for name, cells in sorted(arms.items())}


def scenarios(arms: dict[str, list[tuple[int, int]]]) -> list[tuple[str, np.ndarray, float, float]]:
    """Name, sizes, p and tau of every scenario."""
    sizes = [n for _, n in arms[SIZES_OUTCOME]]
    grid = [(f"k{k}_p{p:g}_tau{tau:g}", spread(sizes, k), p, tau) for k, p, tau in product(STUDIES, PROPORTIONS, TAUS)]
    own = []
    for name, cells in arms.items():
        if len(cells) < FEWEST_ARMS:
            continue
        events, n = np.array(cells).T
        fit = pool_proportions(events, n)
        p = fit.estimate if 0 < fit.estimate < 1 else abs(fit.estimate - HALF_AN_EVENT / n.sum())
        own.append((f"own_{name.replace(':', '_')}", n, float(f"{p:.3g}"), round(float(np.sqrt(fit.tau2 or 0.0)), 2)))
    return own + grid


def spread(sizes: list[int], k: int) -> np.ndarray:
    """k sizes, evenly spaced by rank, so that few studies are as mixed as many."""
    ranks = (np.arange(k) + 0.5) / k * len(sizes)
    return np.array(sizes)[ranks.astype(int)]


def profile_cuts(k: int) -> dict[str, float]:
    """How far twice the log-likelihood may fall, for the two profile intervals that allow for few studies.

    ``glmm_profile_t`` takes the squared t quantile with k - 1 degrees of freedom. ``glmm_profile_k`` takes the fall that gives exact coverage
    for the mean of k normal values with unknown variance, where the likelihood ratio is ``k log(1 + t^2 / (k - 1))``: the limit
    of the model when studies are large beside their differences.
    """
    t = stats.t.ppf((1 + LEVEL) / 2, k - 1)
    return {"glmm_profile_t": t**2, "glmm_profile_k": k * np.log1p(t**2 / (k - 1))}


def intervals(events: np.ndarray, n: np.ndarray) -> dict[str, tuple[float, ...]]:
    """Estimate, interval and prediction interval of every method for one data set."""
    k = len(n)
    found = {}
    profile = pool_proportions(events, n, model="glmm", ci="profile", level=LEVEL)
    found["glmm_profile"] = _five(profile)
    for name, cut in profile_cuts(k).items():
        wider = pool_proportions(events, n, model="glmm", ci="profile", level=stats.chi2.cdf(cut, 1))
        if wider.model_scale.se is None:  # no events, or nothing but events: the exact interval, whatever was asked for
            found[name] = _five(profile)
            continue
        found[name] = (*_five(wider)[:3], *_prediction(profile, wider, k))
    for name, df in (("glmm_wald", np.inf), ("glmm_t", k - 1)):
        scale = profile.model_scale
        if scale.se is None:  # no events, or nothing but events: the exact interval, whatever was asked for
            found[name] = _five(profile)
            continue
        reach = stats.t.ppf((1 + LEVEL) / 2, df)
        ci = expit(scale.estimate + reach * scale.se * np.array([-1, 1]))
        pi = expit(scale.estimate + reach * np.sqrt(scale.se**2 + profile.tau2) * np.array([-1, 1]))
        found[name] = (profile.estimate, *ci, *pi)
    for method in METHODS:
        found[method.name] = _five(pool_proportions(events, n, level=LEVEL, **method.recipe))
    return found


def simulate(name: str, n: np.ndarray, p: float, tau: float, replications: int) -> list[Line]:
    """All methods on the same data sets of one scenario."""
    rng = np.random.default_rng([SEED, crc32(name.encode())])
    mean = mean_proportion(float(logit(p)), tau)
    results: dict[str, list[tuple[float, ...]]] = {}
    empty = failures = 0
    for _ in range(replications):
        truth = expit(logit(p) + tau * rng.standard_normal(len(n)))
        events = rng.binomial(n, truth)
        empty += int(events.sum() == 0)
        try:
            found = intervals(events, n)
        except (RuntimeError, ValueError, FloatingPointError) as error:
            # A fit which fails must not stop the night's run, nor vanish: it is printed and counted.
            failures += 1
            print(f"{name}: {error} events={events.tolist()} n={n.tolist()}", file=sys.stderr, flush=True)
            continue
        for method, values in found.items():
            results.setdefault(method, []).append(values)
    return [
        _line(name, n, p, tau, mean, method, np.array(rows), empty / replications, failures) for method, rows in results.items()
    ]


def as_task(scenario: tuple, replications: int) -> tuple:
    """A scenario (its name, its sizes, and what else there is) as numbers and texts, which say all of it to the runner."""
    name, n, *rest = scenario
    return name, tuple(int(size) for size in n), *rest, replications


def simulate_task(task: tuple) -> list[Line]:
    """:func:`simulate` for a task of :func:`as_task`."""
    name, n, *rest = task
    return simulate(name, np.array(n), *rest)


def add_runner_options(parser: argparse.ArgumentParser) -> None:
    """Where scenarios are computed."""
    parser.add_argument("--jobs", type=int, default=1, help="scenarios that run at once; -1 is one a core")
    parser.add_argument("--scheduler", help="address of a Dask scheduler, whose workers run them")


def run_tasks(work, tasks: list, program: Path, args: argparse.Namespace) -> list:
    """What a program makes of its scenarios; finished ones stand in the project's store, so that a run that broke off goes on."""

    def told(done: int, of: int) -> None:
        print(f"{done} of {of} scenarios", file=sys.stderr, flush=True)

    name = f"{program.name} {file_digest(program)}"
    return run_all(
        work, tasks, name=name, store=store_of(Project(ROOT)), jobs=args.jobs, scheduler=args.scheduler, progress=told, chunk=1
    )


def _line(name, n, p, tau, mean, method, values, empty, failures) -> Line:
    estimate, low, high, pi_low, pi_high = values.T
    replications = len(estimate)
    covered = float(np.mean((low <= p) & (p <= high)))
    return Line(
        scenario=name,
        k=len(n),
        participants=int(n.sum()),
        p=p,
        tau=tau,
        method=method,
        replications=replications,
        coverage=covered,
        coverage_mc_error=float(np.sqrt(covered * (1 - covered) / replications)),
        missed_below=float(np.mean(high < p)),
        missed_above=float(np.mean(low > p)),
        coverage_mean_proportion=float(np.mean((low <= mean) & (mean <= high))),
        width=float(np.mean(high - low)),
        bias=float(np.mean(estimate) - p),
        prediction_coverage=_prediction_coverage(pi_low, pi_high, p, tau),
        no_events=empty,
        failures=failures,
    )


def _prediction_coverage(low, high, p, tau) -> float:
    """Probability that a new study's true proportion lies in the prediction interval, averaged over data sets that have one."""
    has = np.isfinite(low) & np.isfinite(high)
    if not has.any():
        return float("nan")
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = [logit(np.clip(end[has], 0, 1)) - logit(p) for end in (low, high)]
    if tau == 0:
        return float(np.mean((ends[0] <= 0) & (ends[1] >= 0)))
    return float(np.mean(ndtr(ends[1] / tau) - ndtr(ends[0] / tau)))


def _five(result) -> tuple[float, ...]:
    limits = (result.estimate, result.ci_low, result.ci_high, result.pi_low, result.pi_high)
    return tuple(np.nan if value is None else value for value in limits)


def _prediction(profile, wider, k: int) -> tuple[float, float]:
    """The prediction interval beside an interval that was cut elsewhere."""
    fit = profile.model_scale
    with np.errstate(divide="ignore"):
        ends = logit(wider.ci_low), logit(wider.ci_high)
    limits = prediction_limits(fit.estimate, fit.se, profile.tau2, model="glmm", k=k, df=k - 1, level=LEVEL, ends=ends)
    return tuple(np.nan if limit is None else float(expit(limit)) for limit in limits)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))
    except OSError as error:
        raise SystemExit(f"{path} cannot be read: {error.strerror}. Give --outcomes and --studies.") from error


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replications", type=int, default=DEFAULT_REPLICATIONS)
    parser.add_argument(
        "--only",
        default="",
        metavar="START",
        help="run the scenarios whose names begin so, and keep the other lines of the output",
    )
    add_runner_options(parser)
    parser.add_argument("--outcomes", type=Path, default=ROOT / "data" / "outcomes.csv")
    parser.add_argument("--studies", type=Path, default=ROOT / "data" / "studies.csv")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "coverage.csv")
    args = parser.parse_args(arguments)
    everything = scenarios(own_arms(args.outcomes, args.studies))
    lines: dict[str, list[dict[str, str]]] = {name: [] for name, *_ in everything}
    if args.only and args.output.exists():
        for row in _rows(args.output):
            lines.get(row["scenario"], []).append(row)
    wanted = [scenario for scenario in everything if scenario[0].startswith(args.only)]
    tasks = [as_task(scenario, args.replications) for scenario in wanted]
    for scenario, found in zip(wanted, run_tasks(simulate_task, tasks, Path(__file__), args), strict=True):
        lines[scenario[0]] = [_as_text(line) for line in found]
    _write([row for rows in lines.values() for row in rows], args.output)
    print(_table(lines))
    return 0


def _as_text(line: Line) -> dict[str, str]:
    return {key: f"{value:.6g}" if isinstance(value, float) else str(value) for key, value in asdict(line).items()}


def _write(rows: list[dict[str, str]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Line)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    partial.replace(path)


def _table(lines: dict[str, list[dict[str, str]]]) -> str:
    """Coverage of each method (columns) in each scenario (rows), in percent."""
    methods = list(dict.fromkeys(row["method"] for rows in lines.values() for row in rows))
    shown = ["scenario".ljust(38) + "".join(method.rjust(26) for method in methods)]
    for name, rows in lines.items():
        found = {row["method"]: 100 * float(row["coverage"]) for row in rows}
        if found:
            shown.append(
                name.ljust(38) + "".join((f"{found[method]:.1f}" if method in found else "-").rjust(26) for method in methods)
            )
    return "\n".join(shown)


if __name__ == "__main__":
    sys.exit(main())
