"""Small-study effects: funnel, tests, trim and fill, selection models."""
