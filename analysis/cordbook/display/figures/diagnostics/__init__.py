"""Figures that ask whether a pooled result can be trusted: funnel, Baujat, cumulative and leave-one-out, bubbles, coefficients."""

from cordbook.display.figures.diagnostics.baujat import baujat_plot
from cordbook.display.figures.diagnostics.bubbles import bubble_plot
from cordbook.display.figures.diagnostics.coefficients import coefficient_plot
from cordbook.display.figures.diagnostics.funnel import effect_funnel_plot, funnel_plot
from cordbook.display.figures.diagnostics.row_plots import cumulative_plot, leave_one_out_plot

__all__ = [
    "baujat_plot",
    "bubble_plot",
    "coefficient_plot",
    "cumulative_plot",
    "effect_funnel_plot",
    "funnel_plot",
    "leave_one_out_plot",
]
