"""The explorer's question, asked in Python: the same selection and the same numbers as on the page."""
