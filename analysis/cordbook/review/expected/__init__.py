"""Observed against expected: treated groups of the review beside what the natural course predicts for people like them."""
