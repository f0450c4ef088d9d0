"""What whole chapters show: the audit, the methods, the releases."""
