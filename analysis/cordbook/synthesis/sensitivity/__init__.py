"""Sensitivity: without each study, over time, influence."""
