"""From hidden states to a summary of every prefix, one file each."""
