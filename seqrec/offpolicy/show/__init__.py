"""What a study looks like."""
