"""Searching good settings: a study of many trials, judged on validation alone."""
