"""Releases: what each held, what changed between two, and why."""
