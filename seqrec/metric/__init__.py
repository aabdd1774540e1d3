"""Ranking metrics, which map a rank to a gain; one file each."""
