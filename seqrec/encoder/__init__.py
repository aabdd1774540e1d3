"""Encoders, which map item vectors to hidden states; one file each."""
