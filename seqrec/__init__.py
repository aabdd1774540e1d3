"""seqrec: config-driven experiments for attention-based sequential recommendation."""

__version__ = "0.1.0"
