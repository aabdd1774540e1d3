"""Means, intervals, differences."""
