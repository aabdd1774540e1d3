"""Policies by name."""

from seqrec.config.choose import Choice

POLICIES = Choice("policy", key="policy", several="policies")
