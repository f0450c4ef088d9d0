"""Variance between studies: Q, I2, tau2 and their intervals."""
