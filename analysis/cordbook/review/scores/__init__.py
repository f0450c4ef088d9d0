"""Scores: means, changes and differences of continuous outcomes, pooled as ``data/syntheses.yml`` declares under ``scores``."""
