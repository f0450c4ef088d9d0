"""Sources of pages searched: the guards in a chapter's prose."""
