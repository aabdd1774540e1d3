"""From item vectors to hidden states, one file each."""
