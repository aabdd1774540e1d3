"""Readers of the runs to compare."""
