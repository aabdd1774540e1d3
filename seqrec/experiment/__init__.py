"""The life of a run: build, train, test, write, read back."""
