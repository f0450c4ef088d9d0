"""Effects of means: differences, standardised or as ratios, changes from baseline, what reports leave out, and their pooling."""
