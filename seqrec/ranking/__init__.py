"""Exact ranks of the whole catalogue, and metrics of them."""
