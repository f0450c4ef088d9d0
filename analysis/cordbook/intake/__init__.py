"""Intake: how evidence enters ``data/``. The only room that may go to the network."""
