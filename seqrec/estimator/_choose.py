"""Estimators by name."""

from seqrec.config.choose import Choice

ESTIMATORS = Choice("estimator", key="estimator", several="estimators")
