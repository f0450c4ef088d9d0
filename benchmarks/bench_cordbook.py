"""One round of Cordbook and of statsmodels: reads the data, prints seconds per call of each question and its estimate."""

import json
import statistics
import sys
import time
import warnings

import numpy as np
import statsmodels
from scipy.special import logit
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.meta_analysis import combine_effects

from cordbook.synthesis.between_studies.tau2 import tau2_reml
from cordbook.synthesis.glmm.single_arm import fit_binomial_normal
from cordbook.synthesis.glmm.two_arm import fit_tables
from cordbook.synthesis.measures import proportion_effects
from cordbook.synthesis.pooling.effects import pool_effects
from cordbook.synthesis.pooling.proportions import pool_proportions
from cordbook.synthesis.pooling.two_arms import compare_arms
from cordbook.synthesis.sensitivity.leave_one_out import leave_one_out
from cordbook.synthesis.two_arm import check_two_arm_counts

SCALES = (100, 1_000, 10_000, 100_000)


def cordbook_tasks(data):
    events, n = np.array(data["events"]), np.array(data["n"])
    y, v = np.array(data["yi"]), np.array(data["vi"])
    arms = [np.array(data[name]) for name in ("events1", "n1", "events2", "n2")]
    trials = check_two_arm_counts(*(data["trials"][name] for name in ("ai", "n1i", "ci", "n2i")))
    bootstrap = np.array(data["bootstrap"])
    tasks = {
        "glmm": (200, lambda: fit_binomial_normal(events, n), lambda r: r.mu),
        "glmm_with_profile_interval": (20, lambda: pool_proportions(events, n), lambda r: r.model_scale.estimate),
        "reml_hksj": (200, lambda: pool_effects(y, v, model="reml", ci="hksj", tau2_interval=False), lambda r: r.estimate),
        "dl": (200, lambda: pool_effects(y, v, model="dl", ci="wald", tau2_interval=False), lambda r: r.estimate),
        "leave_one_out_glmm": (3, lambda: leave_one_out(events, n, ci="wald"), lambda r: float(logit(r.rows[0].estimate))),
        "bootstrap_reml": (
            1,
            lambda: tau2_reml(bootstrap, np.broadcast_to(v, bootstrap.shape)),
            lambda r: float(np.mean(r[:100])),
        ),
        "mantel_haenszel": (200, lambda: compare_arms(*arms, model="mh"), lambda r: r.model_scale.estimate),
        "odds_ratio_glmm": (5, lambda: fit_tables(trials), lambda r: r.estimate),
    }
    for k in SCALES:
        many_events, many_n = np.resize(events, k), np.resize(n, k)
        sizes = proportion_effects(many_events, many_n)
        repeats = max(1, 10_000 // k)
        tasks[f"glmm_k{k}"] = (repeats, lambda e=many_events, m=many_n: fit_binomial_normal(e, m), lambda r: r.mu)
        tasks[f"reml_hksj_k{k}"] = (repeats, lambda s=sizes: pool_effects(s.yi, s.vi, tau2_interval=False), lambda r: r.estimate)
    return tasks


def statsmodels_tasks(data):
    y, v = np.array(data["yi"]), np.array(data["vi"])
    a, n1, c, n2 = (np.array(data[name]) for name in ("events1", "n1", "events2", "n2"))
    tables = np.array([[a, n1 - a], [c, n2 - c]])
    return {
        # statsmodels has no REML: its Paule-Mandel with Hartung-Knapp is the nearest.
        "reml_hksj": (200, lambda: combine_effects(y, v, method_re="pm"), lambda r: float(r.mean_effect_re)),
        "dl": (200, lambda: combine_effects(y, v, method_re="dl"), lambda r: float(r.mean_effect_re)),
        "mantel_haenszel": (
            50,
            lambda: (lambda t: (t.logodds_pooled, t.logodds_pooled_se))(StratifiedTable(tables)),
            lambda r: float(r[0]),
        ),
    }


def measure(tasks, questions):
    out = {}
    for name, (repeats, call, read) in tasks.items():
        if questions and name not in questions and not name.startswith(("glmm_", "reml_hksj_k")):
            continue
        if repeats > 1:
            call()
        seconds = []
        for _ in range(repeats):
            begin = time.perf_counter()
            value = call()
            seconds.append(time.perf_counter() - begin)
        out[name] = {"seconds": statistics.median(seconds), "value": read(value)}
    return out


def main() -> None:
    data = json.loads(open(sys.argv[1], encoding="utf-8").read())
    questions = sys.argv[2].split(",")
    warnings.simplefilter("ignore")
    found = {
        "cordbook": {"version": "Cordbook", "results": measure(cordbook_tasks(data), questions)},
        "statsmodels": {
            "version": f"statsmodels {statsmodels.__version__}",
            "results": measure(statsmodels_tasks(data), questions),
        },
    }
    print(json.dumps(found))


main()
