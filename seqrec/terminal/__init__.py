"""What is printed, in one place."""
