"""What comes from outside is held to a measure: characters that are seen, patterns in linear time, files that end, caches of this machine."""
