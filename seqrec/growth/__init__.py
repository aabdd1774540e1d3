"""Ways to give new items their first vectors; one file each."""
