"""Curves: of many analyses, sorted results above and the choices behind each below; of a posterior, its densities."""
