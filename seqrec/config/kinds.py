"""The kinds of components: each has a folder of options and a key that holds the chosen one.

A new kind is a line of :data:`KINDS`, a field of :class:`~seqrec.config.schema.Root`, a folder of
YAML files and an entry in the defaults of ``configs/train.yaml``. Checks, names, comparisons and
charts follow this table.
"""

from dataclasses import dataclass
from enum import Enum


class Of(Enum):
    """Which runs have a component of a kind."""

    EVERY = "every run"
    TRAINED = "models that are trained"
    COUNTED = "baselines, which are counted"


@dataclass(frozen=True)
class Kind:
    """A kind of component.

    Args:
        name: name of its folder below ``configs/`` and ``seqrec/``, and of its configuration key.
        of: which runs have one.
        optional: null is a valid choice.
        several: a run has any number of them, by name.
        names: it is part of the name of a model that has no file in ``configs/model``.
        charted: it has its own bar chart in a W&B report.
        meaning: the meaning of its keys, a value of :class:`~seqrec.config.meaning.Meaning`.
    """

    name: str
    of: Of = Of.EVERY
    optional: bool = False
    several: bool = False
    names: bool = False
    charted: bool = False
    meaning: str = "result"


KINDS = (  # in the order in which a comparison labels rows by them
    Kind("data"),
    Kind("baseline", Of.COUNTED),
    Kind("embedding", Of.TRAINED, charted=True),
    Kind("context", Of.TRAINED, optional=True),
    Kind("encoder", Of.TRAINED, names=True, charted=True),
    Kind("head", Of.TRAINED, names=True, charted=True),
    Kind("scorer", Of.TRAINED),
    Kind("loss", Of.TRAINED, charted=True),
    Kind("negatives", Of.TRAINED),
    Kind("objective", Of.TRAINED),
    Kind("teacher", Of.TRAINED, optional=True),
    Kind("window", Of.TRAINED),
    Kind("augment", Of.TRAINED),
    Kind("adapter", Of.TRAINED, optional=True),
    Kind("optimizer", Of.TRAINED),
    Kind("scheduler", Of.TRAINED),
    Kind("split"),
    Kind("rerank"),
    Kind("metric", several=True, meaning="measure"),
    Kind("list_metric", optional=True, several=True, meaning="measure"),
    Kind("logger", meaning="label"),
)
TRAINED = tuple(kind.name for kind in KINDS if kind.of is Of.TRAINED)
REQUIRED = tuple(kind.name for kind in KINDS if kind.of is Of.TRAINED and not kind.optional)
