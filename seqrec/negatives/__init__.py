"""Negative samplers, one file each."""
