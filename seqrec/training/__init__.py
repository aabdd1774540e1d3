"""Train: all that needs Lightning."""
