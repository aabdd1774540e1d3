"""What gates, drift and review look at: lists asked again, and statistics of lists and logs."""
