"""The book on a host, and as a PDF."""
