"""Files of exports taken in, whatever their encoding."""
