"""Figures: one style, SVG with real text, an alternative text that gives the result."""
