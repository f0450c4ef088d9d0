"""Citation of the book, a study or one number, and the form for reporting an error."""
