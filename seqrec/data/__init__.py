"""Sources of interactions, one file for each, named like its configuration."""
