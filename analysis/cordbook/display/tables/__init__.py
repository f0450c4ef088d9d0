"""Tables for chapters."""
