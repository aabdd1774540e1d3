"""Adapters, which train a few parameters of a finished model and no others; one file each."""

from seqrec.adapter._model import Adapter, adapt, merged, renamed
from seqrec.adapter._stored import FILE, read_adapter, write_adapter

__all__ = ["FILE", "Adapter", "adapt", "merged", "read_adapter", "renamed", "write_adapter"]
