"""Records taken in: their form, their store, decisions, and changes of several tables in one transaction."""
