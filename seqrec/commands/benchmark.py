"""Measure speed, memory and growth of the engine, also against other libraries."""

import dataclasses
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError, SeqrecError
from seqrec.home import CONFIGS
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.say import say

USUAL = ["train", "ranking", "startup", "prepare", "growth", "million"]


@dataclass
class Arguments:
    """Measure the engine. For the method, see docs/benchmarks.md.

    python scripts/benchmark.py
    python scripts/benchmark.py parts='[train, ranking]' model=lstm_attn data=movielens_1m
    python scripts/benchmark.py parts=peers data=sequences overrides='[data.path=ml-1m.txt.gz]'
    """

    # also: explain, peers, gpu, serve, update, large
    parts: list[str] = field(default_factory=USUAL.copy)
    data: str = "movielens_100k"  # for train, ranking, explain, RecTools, RePlay
    model: str = "sasrec"  # for train, ranking, growth and explain
    overrides: list[str] = field(default_factory=list)  # of train.py, for the data
    epochs: int = 3  # measured, after a warm-up; explain: all
    rows: int = 2_000_000  # interactions to prepare
    memory_gb: float = 8.0  # for large: what may be used; more takes the road on disk
    peers: list[str] = field(default_factory=lambda: ["rectools", "replay", "recbole"])  # libraries
    models: list[str] = field(default_factory=lambda: ["SASRec", "GRU4Rec", "NARM"])  # of RecBole
    minutes: float = 10.0  # limit for each model of RecBole
    precision: str = "auto"  # fp32 | bf16, for RecTools, RePlay and seqrec against them
    threads: int = os.cpu_count() or 1  # of every process
    out: str = "outputs/benchmarks"  # folder of the results


def benchmark(arguments: Arguments) -> int:
    """Run the jobs one by one, save the results after each, and print the table."""
    for name, minimum in (
        ("epochs", 1),
        ("rows", 1),
        ("threads", 1),
        ("minutes", 0),
        ("memory_gb", 0),
    ):
        if getattr(arguments, name) < minimum:
            raise ConfigError(f"{name}={getattr(arguments, name)}: must be at least {minimum}")
    from seqrec.benchmark.child import in_child
    from seqrec.benchmark.parts import Request, jobs
    from seqrec.benchmark.picture import growth_picture
    from seqrec.benchmark.report import table
    from seqrec.config.cli.command_line import check_command_line
    from seqrec.config.schema import register
    from seqrec.terminal.console import console, print_line

    options = dataclasses.asdict(arguments)
    folder = Path(options.pop("out"))
    data = [f"data={options.pop('data')}", *options.pop("overrides")]
    register()
    check_command_line([f"model={arguments.model}", *data], config_dir=CONFIGS)
    chosen = jobs(Request(**options, data=data))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / time.strftime("%Y-%m-%d_%H-%M-%S.json")
    content: dict[str, Any] = {
        "arguments": dataclasses.asdict(arguments),
        "machine": in_child("machine:describe_machine", threads=arguments.threads),
        "results": {},
        "lines": [],
        "failed": {},
    }
    out, lines = console(), []
    for job in chosen:
        say(f"measuring {job.name}", style="bold cyan")
        try:
            result = job.measure()
            lines += job.lines(result)
            content["results"][job.name] = result
        except SeqrecError as error:
            say(str(error), style="red")
            content["failed"][job.name] = str(error)
        content["lines"] = [line.plain() for line in lines]
        path.write_text(json.dumps(content, indent=1) + "\n")
    out.print(table(lines))
    print_line(out, "machine", f"{content['machine']['processor']}, threads: {arguments.threads}")
    print_line(out, "results", str(path))
    if "growth" in content["results"]:
        title = f"{arguments.model}: seconds an epoch (dashed: in proportion)"
        picture = path.with_suffix(".svg")
        picture.write_text(growth_picture(content["results"]["growth"], title))
        print_line(out, "growth", str(picture))
    if "gpu" in content["results"]:
        from seqrec.benchmark.gpu import paragraph

        text = path.with_suffix(".md")
        text.write_text(paragraph(content["results"]["gpu"], arguments.model))
        print_line(out, "card", str(text))
    for name in content["failed"]:
        print_line(out, "failed", name)
    return 1 if content["failed"] else 0


def main() -> None:
    """Read the arguments and measure; end with status 1 where a part failed."""
    with plain_errors():
        status = benchmark(parse(Arguments, sys.argv[1:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
