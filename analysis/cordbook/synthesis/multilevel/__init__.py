"""Several effects of one study: random effects on two levels, and cluster-robust errors."""
