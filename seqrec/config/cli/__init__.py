"""Read and check the command line."""
