"""Appraisal: how sure one may be. Certainty, risk of bias, agreement of readings, coverage of intervals, a second engine."""
