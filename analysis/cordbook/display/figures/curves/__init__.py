"""Curves of many analyses: sorted results above, the choices behind each below."""
