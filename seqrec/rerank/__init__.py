"""Rerankers, which reorder the first items of a ranking; one file each."""
