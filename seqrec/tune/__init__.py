"""Searching good settings: a study of many trials, judged on validation alone."""

COSTS = ("parameters", "fit_seconds")  # what a second objective may be; less is better
PRUNERS = ("median", "hyperband", "none")  # how trials are given up
