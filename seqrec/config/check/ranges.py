"""Check the ranges of values before any work."""

from collections.abc import Iterator
from typing import Any

from seqrec.clock import instant
from seqrec.errors import ConfigError

MINIMUM = {  # config path -> smallest allowed value
    "dim": 1,
    "max_length": 1,
    "seed": 0,
    "batch.size": 1,
    "batch.eval_size": 1,
    "prepare.session_gap": 0,
    "prepare.k_core": 0,
    "prepare.max_history": 1,
    "trainer.num_nodes": 1,
    "trainer.max_epochs": 1,
    "trainer.validate_every": 1,
    "trainer.patience": 0,
    "trainer.limit_batches": 1,
    "trainer.gradient_clip": 0,
    "evaluation.sampled": 0,
    "optimizer.lr": 0,
    "window.stride": 1,
}

MOMENTS = ("prepare.k_core_before", "split.test_from", "split.valid_from")


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
    stride, length = (config.get("window") or {}).get("stride"), config.get("max_length")
    if isinstance(stride, int) and isinstance(length, int) and stride > length:
        yield (
            f"window.stride={stride} is more than max_length={length}: "
            "events between segments would be lost"
        )
    for path in MOMENTS:
        group, _, key = path.partition(".")
        try:
            instant((config.get(group) or {}).get(key), where=path)
        except ConfigError as error:
            yield f"{path}: {error.what}; {error.todo}"
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


def _value(config: Any, path: str) -> Any:
    """Return the value at `path`, or None."""
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config
