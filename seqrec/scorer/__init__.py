"""From summaries to queries and the catalogue they are scored against, one file each."""
