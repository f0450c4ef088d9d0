"""Pages that no person writes: one for each study and each estimate, with their sources and cite boxes."""
