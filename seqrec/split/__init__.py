"""Ways to split a prepared dataset into training, validation and test."""
