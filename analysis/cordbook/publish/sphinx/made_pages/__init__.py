"""The pages that builds write, in the book: let in, placed in the sidebar, with what each kind needs."""
