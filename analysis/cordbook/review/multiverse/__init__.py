"""Every choice: declared estimates computed by all analyses that one could defend, and what each choice moves."""
