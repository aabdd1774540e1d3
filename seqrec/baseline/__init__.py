"""Baselines: models counted from the training events, for networks to beat."""
