"""Means, intervals and differences of runs."""
