"""What recommended lists are like, beyond whether they hold the target."""
