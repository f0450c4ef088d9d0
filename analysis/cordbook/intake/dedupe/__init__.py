"""Deduplication: keys, pairs, groups, and the sheet that people decide on."""
