"""Figures: one style, SVG with real text, an alternative text that gives the result. Tables and pieces of pages in HTML.

Import from the modules: those of ``figures`` load matplotlib, which those of ``tables`` and ``html`` do without.
"""
