"""Items to vectors."""
