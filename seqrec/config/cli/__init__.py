"""Everything that reads the command line."""
