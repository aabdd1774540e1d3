"""The configuration: its typed root and the check that reports every mistake at once."""
