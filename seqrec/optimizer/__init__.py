"""Optimizers that torch doesn't have, one file each."""
