"""Make the weights of a trained run smaller, and keep them if they lose little."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.cli.script import PAIRS, argument_names, parse
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.compression.run import Compressed

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)


@dataclass
class Arguments:
    """Make the weights of a trained run smaller: a run folder of its own, if they lose little.

    python scripts/compress.py run=outputs/.../... compress=quantize
    python scripts/compress.py run=outputs/.../... compress=prune share=0.8 max_loss=0.03
    python scripts/compress.py run=outputs/.../... compress=prune_units units=0.25 out=FOLDER
    """

    run: str  # the folder of a run
    compress: str = "quantize"  # how: a file of configs/compress
    options: dict[str, str] = OPTIONS  # its keys: share=0.8, table=4
    max_loss: float = 0.01  # share of the monitored metric that validation may lose
    out: Path | None = None  # folder of the new run; default: beside the run, ..._compressed
    format: str = "text"  # text | json
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def compress_run(arguments: Arguments) -> int:
    """Check the arguments, compress the run, and print what was lost; return the exit status."""
    if not 0 <= arguments.max_loss <= 1:
        raise ConfigError(f"max_loss={arguments.max_loss}: must be from 0 to 1")
    if arguments.format not in ("text", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose text or json")
    from seqrec.config.choose import Choice

    choice, name = Choice("compress", key="compress", several="ways"), arguments.compress
    nodes = choice.settings_of([name], arguments.options, beside=argument_names(Arguments))
    way = choice.build(nodes)[name]
    from seqrec.compression.run import compress
    from seqrec.experiment.evaluate import relocated
    from seqrec.run.folder import RunFolder
    from seqrec.training.trainer import silence

    silence()
    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    parent = RunFolder.open(arguments.run, trust)
    if not parent.finished:
        raise RunError(
            "the run isn't finished",
            where=str(parent.path),
            todo="finish it first: add resume=auto to its command",
        )
    found = compress(
        parent,
        relocated(parent.config(), arguments.where),
        way=way,
        node=nodes[name],
        max_loss=arguments.max_loss,
        out=arguments.out,
        command=command("compress", *sys.argv[1:]),
    )
    if arguments.format == "json":
        print(json.dumps(plain(found)))
    else:
        show(found, arguments, way.speed)
    return 0 if found.passed else 1


def plain(found: "Compressed") -> dict[str, Any]:
    """Return what was found, fit for JSON; ``run`` is null if nothing was kept."""
    rows = {row.name: {"before": row.before, "after": row.after} for row in found.rows}
    kept = str(found.folder.path) if found.passed else None
    return {"run": kept, "lost": found.lost, "passed": found.passed, "measured": rows}


def show(found: "Compressed", arguments: Arguments, speed: str) -> None:
    """Print the table, what it means for speed, and what to type next."""
    out, table = console(), Table("compressed")
    table.add_column("")
    for column in ("before", "after", "change"):
        table.add_column(column, right=True)
    for row in found.rows:
        form = "{:,.0f}" if "bytes" in row.name else "{:.4f}"
        told = [form.format(value) for value in (row.before, row.after)]
        table.add_row(row.name, *told, f"{row.change:+.1%}")
    out.print(table)
    print_line(out, "speed", speed)
    lost = f"{max(0.0, found.lost):.2%} of {found.rows[0].name} is lost"
    if not found.passed:
        print_line(out, "refused", f" {lost}, more than max_loss={arguments.max_loss:g}")
        print_line(out, "next", "compress less, or allow more with max_loss=; nothing was kept")
        return
    print_line(out, "kept", f"{lost} (at most {arguments.max_loss:g})")
    print_line(out, "run", str(found.folder.path))
    print_line(out, "next", command("evaluate", f"run={found.folder.path}"))
    print_line(out, "", command("export", f"run={found.folder.path}", "out=bundle"))


def main() -> None:
    """Read the arguments and compress; exit with status 1 if too much was lost."""
    with plain_errors():
        status = compress_run(parse(Arguments, sys.argv[1:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
