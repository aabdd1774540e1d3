"""Indices: the best items for a query among those that are allowed.

They read the tables of an exported model, memory-mapped, and need no torch.
"""

from seqrec.index._tables import Tables
from seqrec.index._wanted import NOTHING, Allowed, Found, Wanted
from seqrec.index._what import Index

__all__ = ["NOTHING", "Allowed", "Found", "Index", "Tables", "Wanted"]
