"""Pooling: effects, proportions, two arms, averages, and the same by statsmodels."""
