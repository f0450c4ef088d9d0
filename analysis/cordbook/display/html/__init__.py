"""HTML parts: markup that escapes, pieces of pages and the templates that lay them out, cards, cite boxes, lists of studies, small plots in a line, and what rewrites finished pages."""
