"""Embeddings: items, or users, to vectors."""
