"""Models that are counted from the training events, not trained: what a network has to beat."""
