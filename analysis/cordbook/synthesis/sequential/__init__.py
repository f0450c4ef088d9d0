"""Evidence over time: information size and monitoring boundaries."""
