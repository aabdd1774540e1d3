"""Find and read the runs to compare."""
