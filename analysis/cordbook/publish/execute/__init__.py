"""Chapters executed, in kernels forked from one that has the libraries loaded."""
