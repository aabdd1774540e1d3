"""Check of what can't be combined with an item table that is split over processes.

A component that works with own rows alone declares ``takes_shards: ClassVar[bool] = True``; a
strategy that splits the table declares ``splits_table``.
"""

from collections.abc import Iterator
from typing import Any

from seqrec.config.check.signature import read_attributes

SPLITS = "trainer=sharded_table"
PARTS = ("embedding", "scorer", "objective", "loss", "negatives")  # they reach the item table
WHOLE = {  # keys that need the whole table in each process, and why
    "checkpoint": "a run begins with the rows of another's items in one process",
    "update": "an update begins with the rows of another run's items in one process",
    "adapter": "an adapter belongs to a finished run, whose table isn't split",
}


def splits_table(strategy: Any) -> bool:
    """Return whether a trainer's strategy splits the item table; nothing is imported."""
    own = isinstance(strategy, dict) and read_attributes(strategy["_target_"]).get("splits_table")
    return bool(own)


def unsplit(config: dict[str, Any], attributes: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Describe each part of a configuration that needs the whole table, if the trainer splits it.

    Args:
        config: the plain configuration.
        attributes: class attributes of the components, by path.
    """
    trainer = config.get("trainer") or {}
    if not splits_table(trainer.get("strategy")):
        return
    todo = "change it, or use trainer=ddp"
    for path in PARTS:
        if config.get(path) and attributes.get(path, {}).get("takes_shards") is not True:
            name = config[path]["_target_"].rpartition(".")[2]
            yield f"{path}={name} doesn't work with the split item table of {SPLITS}; {todo}"
    for key, why in WHOLE.items():
        if config.get(key):
            yield f"{key}: {why}, and {SPLITS} splits the table; {todo}"
    if trainer.get("compile"):
        yield f"trainer.compile: what processes send one another isn't compiled; {todo}"
    if (config.get("batch") or {}).get("shuffle") == "shards":
        yield (
            f"batch.shuffle=shards: processes then differ in their number of batches, and those of "
            f"{SPLITS} wait for each other in every one; use batch.shuffle=all"
        )
    if (config.get("loss") or {}).get("kernel") == "liger":
        yield f"loss.kernel=liger needs the whole item table, which {SPLITS} splits; use auto"
