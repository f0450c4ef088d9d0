"""References: the bibliography as BibTeX, and its keys."""
