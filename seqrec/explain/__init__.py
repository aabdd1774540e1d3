"""Why an item was recommended, and how far that answer can be trusted."""
