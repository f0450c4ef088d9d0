"""The stored results of R (tests/reference/why.R) and the tolerances at which they are compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "why.json").read_text(encoding="utf-8"))
METAFOR = json.loads((Path(__file__).parents[1] / "reference" / "metafor.json").read_text(encoding="utf-8"))

MODELS = {"FE": "common", "DL": "dl", "PM": "pm", "REML": "reml", "ML": "ml"}
INTERVALS = {"z": "wald", "knha": "hksj"}

# Closed formulas in double precision, stored with 15 digits; differences of near-equal numbers lose some.
CLOSED = 1e-8
# Iterative estimates run in R with thresholds of 1e-12 (why.R) and here to rounding.
ITERATIVE = 1e-7
# metafor.json ran with a threshold of 1e-10; its fits inside trim and fill with metafor's default of 1e-5.
STORED = 1e-5
# What is zero to rounding has no relative error.
ZERO = 1e-8


def assert_close(actual: object, expected: object, rtol: float) -> None:
    """Compare numbers, or nested lists of them; R's NA reads as None or NaN on both sides."""
    np.testing.assert_allclose(np.asarray(actual, dtype=float), np.asarray(expected, dtype=float), rtol=rtol, atol=ZERO * rtol)


BCG = REFERENCE["data"]["bcg"]
BCG_N1 = [a + b for a, b in zip(BCG["tpos"], BCG["tneg"], strict=True)]
BCG_N2 = [a + b for a, b in zip(BCG["cpos"], BCG["cneg"], strict=True)]
