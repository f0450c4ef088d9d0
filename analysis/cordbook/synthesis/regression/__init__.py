"""Regression: moderators, subgroups, permutation."""
