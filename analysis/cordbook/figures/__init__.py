"""Figures: one style, SVG with real text, an alternative text that gives the result."""

from cordbook.figures.figure import Figure
from cordbook.figures.forest import ForestGroup, forest_plot

__all__ = ["Figure", "ForestGroup", "forest_plot"]
