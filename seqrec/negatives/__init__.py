"""How negatives are drawn, one file each."""
