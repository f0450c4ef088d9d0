"""Publish: executes chapters and builds the book. The only room that writes outside ``data/``."""
