"""What is known of each event beside its item."""
