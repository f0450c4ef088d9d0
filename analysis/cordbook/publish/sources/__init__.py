"""Sources of pages searched: the guards and wordings in a chapter's prose."""
