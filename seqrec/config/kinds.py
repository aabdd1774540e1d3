"""The kinds of components: a folder of options each, and a key that holds the one that is chosen.

A new kind is a line of :data:`KINDS`, a field of :class:`~seqrec.config.schema.Root`, a folder of
YAML files and an entry in the defaults of ``configs/train.yaml``. What is refused, named, compared
and charted asks this table.
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
        name: of its folder below ``configs/`` and ``seqrec/``, and of its key in a configuration.
        of: which runs have one.
        optional: null is a choice, too.
        several: a run has any number of them, by name.
        names: a model that no file of ``configs/model`` stands for is called by it.
        charted: it has a bar chart of its own in a W&B report.
        meaning: of its keys, a word of :class:`~seqrec.config.meaning.Meaning`.
    """

    name: str
    of: Of = Of.EVERY
    optional: bool = False
    several: bool = False
    names: bool = False
    charted: bool = False
    meaning: str = "result"


KINDS = (  # in the order in which a comparison tells rows apart by them
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
    Kind("window", Of.TRAINED),
    Kind("augment", Of.TRAINED),
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
