"""HTML parts: markup that escapes, cards, cite boxes, lists of studies, small plots in a line."""
