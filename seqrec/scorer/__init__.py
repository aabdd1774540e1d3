"""Scorers, which map summaries to queries and give the catalogue; one file each."""
