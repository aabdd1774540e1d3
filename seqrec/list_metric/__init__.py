"""Metrics of recommended lists, beyond whether they hold the target; one file each."""
