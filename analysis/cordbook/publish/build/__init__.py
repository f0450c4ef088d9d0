"""The build: what to do, in what order, watched and checked."""
