"""The Sphinx extension of the book, one module a part."""
