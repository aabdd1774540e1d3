"""Raw files: finding or fetching them, and reading them exactly."""
