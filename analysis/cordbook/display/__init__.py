"""Figures: one style, SVG with real text, an alternative text that gives the result."""

from cordbook.display.figures.figure import Figure
from cordbook.display.figures.forest import ForestGroup, forest_plot

__all__ = ["Figure", "ForestGroup", "forest_plot"]
