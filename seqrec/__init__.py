"""seqrec: config-driven experiments for attention-based sequential recommendation.

``import seqrec`` imports nothing else; a public name is loaded on first use.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrec.api import Run, compare, train
    from seqrec.errors import SeqrecError
    from seqrec.recommend import Recommender

if "OMP_WAIT_POLICY" not in os.environ:
    # GNU's OpenMP reads it when torch is loaded: threads that wait for each other give up their
    # core after some microseconds, or a machine that others use, too, does little but wait
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__version__ = "0.2.0"
__all__ = ["Recommender", "Run", "SeqrecError", "compare", "train"]
PUBLIC = {
    "train": "seqrec.api",
    "Run": "seqrec.api",
    "compare": "seqrec.api",
    "Recommender": "seqrec.recommend",
    "SeqrecError": "seqrec.errors",
}


def __getattr__(name: str) -> Any:
    """Import a public name.

    Raises:
        AttributeError: there is no such name.
    """
    if name not in PUBLIC:
        raise AttributeError(f"module 'seqrec' has no attribute {name!r}")
    return getattr(import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
