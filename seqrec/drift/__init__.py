"""Whether a log still looks like what it was."""
