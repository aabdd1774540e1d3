"""Preparing on Spark: the steps of :mod:`seqrec.store.encode`, event by event the same."""
