"""Studies: each as one record with its arms and counts, its limits, its summary in plain language, and its place in time."""
