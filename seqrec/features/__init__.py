"""What is known of the items, as numbers that a model can take."""
