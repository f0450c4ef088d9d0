"""Releases: made, archived byte for byte, described, verified."""
