"""Exact ranks over the whole catalogue, and their metrics."""
