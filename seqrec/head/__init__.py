"""Heads, which summarise the hidden states of every prefix; one file each."""
