"""Check the ranges of values before any work.

A component declares the range of one of its parameters in a class attribute, ``bounds: ClassVar =
{"stride": (1, "max_length")}`` (a text names a key of the root), and its dates and times in
another, ``moments: ClassVar = ("test_from",)``.
"""

from collections.abc import Iterator
from typing import Any

from seqrec.clock import instant
from seqrec.config.check.components import components
from seqrec.config.check.signature import read_attributes
from seqrec.errors import ConfigError

MINIMUM = {  # config path -> smallest allowed value
    "dim": 1,
    "max_length": 1,
    "seed": 0,
    "batch.size": 1,
    "batch.eval_size": 1,
    "prepare.session_gap": 0,
    "prepare.k_core": 0,
    "prepare.min_user_events": 0,
    "prepare.min_item_events": 0,
    "prepare.min_session_events": 0,
    "prepare.max_history": 1,
    "prepare.shards": 1,
    "prepare.memory_gb": 0,
    "trainer.num_nodes": 1,
    "trainer.max_epochs": 1,
    "trainer.validate_every": 1,
    "trainer.patience": 0,
    "trainer.limit_batches": 1,
    "trainer.checkpoint_minutes": 0,
    "trainer.gradient_clip": 0,
    "evaluation.sampled": 0,
    "ensemble.steps": 0,
    "optimizer.lr": 0,  # of torch's optimizers, which declare nothing
}


def out_of_range(config: dict[str, Any]) -> Iterator[str]:
    """Describe every value that is out of range, and lengths that contradict each other."""
    for path, minimum in MINIMUM.items():
        value = _value(config, path)
        if isinstance(value, int | float) and value < minimum:
            yield f"{path}={value}: must be at least {minimum}"
    for path in ("dropout", "trainer.ema"):
        share = _value(config, path)
        if isinstance(share, int | float) and not 0 <= share < 1:
            yield f"{path}={share}: must be at least 0 and less than 1"
    yield from _moment(_value(config, "prepare.k_core_before"), "prepare.k_core_before")
    for path, node in components(config):
        said = read_attributes(node["_target_"])
        bounds, moments = said.get("bounds"), said.get("moments")
        for key, (least, most) in bounds.items() if isinstance(bounds, dict) else ():
            limit = config.get(most) if isinstance(most, str) else most
            value = node.get(key)
            if isinstance(value, int | float) and limit is not None and not least <= value <= limit:
                name = f"{most}={limit}" if isinstance(most, str) else limit
                yield f"{path}.{key}={value}: must be from {least} to {name}"
        for key in moments if isinstance(moments, tuple) else ():
            yield from _moment(node.get(key), f"{path}.{key}")
    ks = config.get("evaluation", {}).get("ks")
    if ks is not None and (not ks or min(ks) < 1):
        yield f"evaluation.ks={ks}: must be one or more list lengths of at least 1"
    trainer = config.get("trainer", {})
    epochs, every = trainer.get("max_epochs"), trainer.get("validate_every")
    if epochs and every and every > epochs:
        yield (
            f"trainer.validate_every={every} is more than trainer.max_epochs={epochs}: "
            "no epoch would be validated, so none could be the best"
        )


def _moment(value: Any, path: str) -> Iterator[str]:
    try:
        instant(value, where=path)
    except ConfigError as error:
        yield f"{path}: {error.what}; {error.todo}"


def _value(config: Any, path: str) -> Any:
    """Return the value at `path`, or None."""
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config
