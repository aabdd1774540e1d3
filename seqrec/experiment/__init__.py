"""Runs: build, train, test, write and read back."""
