"""Item features, encoded as numbers for a model."""
