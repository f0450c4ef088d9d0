"""Claims of the documents that the review grew from, each tested by a declared rule."""
