"""Extraction: forms, readings, reconciling, verification."""
