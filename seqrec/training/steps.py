"""How many sequences a step has, which a run keeps wherever it goes on."""

from seqrec.errors import ConfigError


def step_of(size: int, world: int) -> int:
    """Return the sequences of a step, on average, of `world` processes with `size` each."""
    return size * world


def check_step(before: int | None, size: int, world: int) -> None:
    """Check that a run that goes on takes the steps that it took before.

    Args:
        before: sequences of a step then; None: an earlier version didn't note it.
        size: ``batch.size`` now.
        world: processes now.

    Raises:
        ConfigError: it would take others, of other batches.
    """
    now = step_of(size, world)
    if before in (None, now):
        return
    assert before is not None
    raise ConfigError(
        f"a step of the run has {before} sequences, all processes together; "
        f"with batch.size={size} on {world} it would have {now}",
        where="batch.size",
        todo=f"set batch.size={before // world}"
        if before % world == 0
        else f"use another number of processes, one that divides {before}",
    )
