"""Comparison of runs: which there are, how they differ, and whether it is more than chance."""
