"""What the review promises of its data, stated once: the schema that the programs need, and tables that hold no fewer rows than before."""
