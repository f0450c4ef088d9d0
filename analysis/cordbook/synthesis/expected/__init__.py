"""Observed against expected: how many of a treated group improved beside how many the natural course predicts for people like them."""
