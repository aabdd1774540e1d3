"""Training: all the code that needs Lightning."""
