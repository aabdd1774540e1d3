"""Losses, which training minimises; one file each."""
