"""Weights of the events of a history for one recommended item: one file for each method."""
