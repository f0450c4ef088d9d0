"""The review: declared estimates, what is said of them, and what they are set against.

This room joins the evidence (``cordbook.evidence``) and the statistics (``cordbook.synthesis``).
"""
