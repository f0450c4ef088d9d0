"""The Sphinx extension of the book, one module per part."""
