"""Comparing runs: which are there, what differs, and whether that is more than chance."""
