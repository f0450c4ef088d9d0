"""Bayesian pooling by quadrature, without random numbers."""
