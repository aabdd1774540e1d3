"""Read raw files as tables."""
