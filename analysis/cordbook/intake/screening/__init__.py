"""Screening by two people, in turn by rank."""
