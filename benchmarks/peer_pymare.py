"""One round of PyMARE: reads the data, prints seconds per call of each question (the fit alone) and its estimate."""

import json
import statistics
import sys
import time
import warnings

import numpy as np
import pymare
from pymare.core import Dataset
from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator

# Fits of the bootstrap that are timed; the seconds are scaled to the 10,000 of the question.
BOOTSTRAP_TIMED = 100


def main() -> None:
    data = json.loads(open(sys.argv[1], encoding="utf-8").read())
    questions = sys.argv[2].split(",")
    y, v = np.array(data["yi"]), np.array(data["vi"])
    bootstrap = np.array(data["bootstrap"])[:BOOTSTRAP_TIMED]

    def fit(estimator, values):
        dataset = Dataset(y=values, v=np.broadcast_to(v, values.shape), X=np.ones((len(y), 1)), add_intercept=False)
        return estimator.fit_dataset(dataset).summary()

    def reml(values):
        return fit(VarianceBasedLikelihoodEstimator(method="reml"), values)

    tasks = {
        "reml_hksj": (20, 1, lambda: reml(y), lambda r: float(np.ravel(r.fe_params)[0])),
        "dl": (50, 1, lambda: fit(DerSimonianLaird(), y), lambda r: float(np.ravel(r.fe_params)[0])),
        "bootstrap_reml": (
            1,
            10_000 / BOOTSTRAP_TIMED,
            lambda: [reml(row) for row in bootstrap],
            lambda r: float(np.mean([np.ravel(x.tau2)[0] for x in r])),
        ),
    }
    out = {}
    warnings.simplefilter("ignore")
    for name in questions:
        if name not in tasks:
            continue
        repeats, scale, call, read = tasks[name]
        if repeats > 1:
            call()
        seconds = []
        for _ in range(repeats):
            begin = time.perf_counter()
            value = call()
            seconds.append(time.perf_counter() - begin)
        out[name] = {"seconds": statistics.median(seconds) * scale, "value": read(value)}
    print(json.dumps({"version": f"PyMARE {pymare.__version__}", "results": out}))


main()
