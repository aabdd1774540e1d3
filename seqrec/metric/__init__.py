"""What a rank is worth, one file each."""
