"""Fetch, unpack and find raw files."""
