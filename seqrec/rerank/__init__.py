"""What reorders the first items of a ranking before they are recommended."""
