"""References checked against registries, and notices against them."""
