"""Records taken in: their form, their store, decisions, and changes that land whole."""
