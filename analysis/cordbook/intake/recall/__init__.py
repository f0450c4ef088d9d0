"""Recall: which included studies are among the records that a search gave."""
