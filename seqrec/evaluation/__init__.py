"""Judge a model by held-out events."""
