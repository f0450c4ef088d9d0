"""Estimates: what is declared, which rows it takes, what comes out, and the phrases and guards of prose."""
