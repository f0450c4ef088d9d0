"""Sources searched over the network."""
