"""The configuration: its typed root, and checks that report every mistake at once."""
