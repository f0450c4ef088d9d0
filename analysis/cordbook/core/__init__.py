"""The ground that every room stands on: files written whole, locks, the swap of a folder, CSV, YAML, what was read."""
