"""Bundles put in front of users, step by step, and back."""
