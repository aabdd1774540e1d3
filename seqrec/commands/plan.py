"""Tell how many devices a catalogue needs if its item table is split over them."""

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqrec.config.cli.script import PAIRS, parse
from seqrec.errors import ConfigError
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:
    from seqrec.training.table_plan import Needs

GB = 1e9
MOST = 4096  # processes that are looked at
COLUMNS = ("table", "optimizer", "gradient", "scores")  # parts that the number of items decides


@dataclass
class Arguments:
    """Tell how many devices a catalogue needs; also takes every key of train.py.

    python scripts/plan.py items=50e6 memory_gb=80 model=sasrec dim=128
    python scripts/plan.py items=50e6 memory_gb=80 loss=sampled_softmax optimizer=lazy_adam

    It needs no data. Each row is the memory of one process of `trainer=sharded_table` at its peak,
    with `batch.size` sequences of `max_length` events each. On a GPU, what CUDA itself takes
    (about half a GB) comes on top.
    """

    items: float  # items of the catalogue
    memory_gb: float = 80.0  # of one device, in 10^9 bytes
    overrides: dict[str, str] = field(default_factory=dict, metadata=PAIRS)  # of train.py


def plan(arguments: Arguments) -> None:
    """Print what each process needs in GB, around the least number of processes that suffices."""
    for name in ("items", "memory_gb"):
        if not 0 < getattr(arguments, name) < float("inf"):
            raise ConfigError(f"{name}={getattr(arguments, name)}: must be above 0")
    from seqrec.config.typed import typed
    from seqrec.experiment.python import composed
    from seqrec.training.table_plan import measure_step, needs

    given = {"trainer": "sharded_table"} | arguments.overrides
    made = composed(
        [f"{key}={value}" for key, value in given.items()], options=vars(arguments).keys()
    )
    root, items, out = typed(made.config), int(arguments.items), console()
    step = measure_step(root)

    def of(processes: int) -> "Needs":
        return needs(root, step, items=items, processes=processes)

    fits = (n for n in range(1, min(MOST, items) + 1) if of(n).total <= arguments.memory_gb * GB)
    least = next(fits, None)
    size = f"{items:,} items, {step.positions:,} positions a step; all figures in GB"
    print_line(out, "model", f"{made.choices['model']}, {size}")
    table = Table()
    for name in ("processes", *COLUMNS, "rest", "total", "sent a step"):
        table.add_column(name, right=True)
    for processes in _shown(least):
        found = of(processes)
        sizes = [found.parts[name] for name in COLUMNS]
        cells = (*sizes, found.total - sum(sizes), found.total, found.sent)
        table.add_row(str(processes), *(f"{size / GB:,.2f}" for size in cells))
    out.print(table)
    collected = of(max(2, least or MOST)).collected / GB
    print_line(out, "host", f"{collected:,.2f} GB in that of the first process, for checkpoints")
    print_line(out, "needs", _verdict(least, arguments.memory_gb, of(least or MOST)))


def _shown(least: int | None) -> list[int]:
    """Return the powers of two around the least number of processes, and that."""
    most = 2 * (least or 32)
    return sorted({least or 1, *(2**n for n in range(13) if 2**n <= most)})


def _verdict(least: int | None, memory_gb: float, found: "Needs") -> str:
    if least is not None:
        return f"at least {least} device{'s' * (least > 1)} of {memory_gb:g} GB"
    largest = max(found.parts, key=lambda name: found.parts[name])
    return (
        f"more than {MOST} devices of {memory_gb:g} GB: {largest} alone take "
        f"{found.parts[largest] / GB:,.2f} GB there; reduce batch.size, max_length or dim"
    )


def main() -> None:
    """Run from the command line."""
    with plain_errors():
        plan(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
