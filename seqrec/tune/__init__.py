"""Hyper-parameter search: a study of many trials, judged on validation alone."""

COSTS = ("parameters", "fit_seconds")  # options for a second objective; lower is better
PRUNERS = ("median", "hyperband", "none")  # options for stopping trials early
