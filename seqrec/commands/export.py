"""Export a trained run as a bundle, which answers without torch."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError
from seqrec.home import command
from seqrec.terminal.console import Console, console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.say import say
from seqrec.terminal.stop import status_of, terminable

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.export.export import Exported


@dataclass
class Arguments:
    """Export a trained run as a bundle: one folder that answers as the run does, without torch.

    python scripts/export.py run=outputs/.../... out=bundle
    python scripts/export.py run=outputs/.../... out=bundle users=null      # compare all test users
    python scripts/export.py check=bundle                    # compare again, without run and data
    """

    run: str | None = None  # the folder of a run
    out: Path = Path("bundle")  # the folder to write, which isn't there yet
    check: Path | None = None  # a bundle to check, instead of exporting
    format: str = "onnx"  # onnx | pt2 (torch's) | tensors (weights alone)
    int8: bool = True  # write the item table in int8, too
    users: int | None = 1000  # test events to compare with the run; null: all
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] = field(default_factory=list)  # folders of your own modules
    trust: bool = False  # import and call whatever the run names; only for runs you know


def export_run(arguments: Arguments) -> None:
    """Export the run, compare its answers with the bundle's, and say what was reached."""
    if arguments.users is not None and arguments.users < 1:
        raise ConfigError(f"users={arguments.users}: must be at least 1", todo="write users=1000")
    from seqrec.experiment.evaluate import relocated
    from seqrec.export.export import Wanted, export, open_run
    from seqrec.export.write import check_out

    check_out(arguments.out)
    wanted = Wanted(
        kind=arguments.format,
        int8=arguments.int8,
        users=arguments.users,
        trust=arguments.trust,
        searchpath=tuple(arguments.searchpath),
    )
    folder, out = open_run(arguments.run or "", wanted), console()
    config = relocated(folder.config(), arguments.where)
    columns = ("{task.description:<9}", "bar", "counted", "elapsed")
    with progress_bar(*columns, out=out, transient=True) as progress:
        task = progress.add_task("", total=None)

        def begin(what: str, steps: int) -> None:
            progress.reset(task, total=steps or None, description=what)

        def tick(done: int) -> None:
            progress.advance(task, done)

        done = export(folder, arguments.out, wanted, config=config, begin=begin, tick=tick)
    print_reached(out, done, arguments.out)


def print_reached(out: Console, done: "Exported", where: Path) -> None:
    """Print what was reached, where it is, and what to type next."""
    print_parity(out, done.parity)
    total = sum(done.bytes.values()) / 1e6
    table = done.bytes["items.npy"] / 1e6
    print_line(out, "size", f"{total:,.1f} MB, of which the item table is {table:,.1f}")
    print_line(out, "speed", f"{done.milliseconds:.2f} ms from the ids of a session to its query")
    print_line(out, "bundle", f"{where}  {done.sha[:12]}")
    if "model.onnx" in done.bytes:  # other formats aren't served
        print_line(out, "next", command("serve", f"bundle={where}"))


def print_parity(out: Console, parity: dict[str, Any]) -> None:
    """Print the figures of a comparison."""
    lists, gain = parity["top10"], parity["ndcg@10"]
    print_line(
        out,
        "parity",
        f"{parity['requests']:,} requests: scores within {parity['score']['largest']:.1e} of "
        f"|q||i| (bar {parity['score']['bar']:.0e}); top 10: {lists['equal']:,} equal, "
        f"{lists['ties']:,} but for ties, {lists['different']:,} different; "
        f"NDCG@10 {gain['run']:.4f} in the run, {gain['bundle']:.4f} in the bundle",
    )
    if "int8" in parity:
        int8 = parity["int8"]
        print_line(
            out,
            "int8",
            f"overlap@10 {int8['overlap@10']['mean']:.4f} (bar {int8['overlap@10']['bar']}) with "
            f"{int8['found']} items scored again, {int8['overlap@10 without scoring again']:.4f} "
            f"without; NDCG@10 lost {100 * int8['ndcg@10 lost']['share']:.2f} %",
        )


def check_bundle(arguments: Arguments) -> None:
    """Check every byte of a bundle, and ask its stored requests again."""
    from seqrec.export.check import check

    assert arguments.check is not None
    bundle, found, golden = check(arguments.check, trust=arguments.trust)
    out = console()
    print_line(out, "files", f"{len(bundle.manifest['files'])} as they were exported")
    print_line(out, "golden", f"{golden} requests answered as by the run")
    print_parity(out, found.summary())
    print_line(out, "bundle", f"{arguments.check}  {bundle.sha[:12]}")


def main() -> None:
    """Read the arguments; export or check."""
    with plain_errors():
        arguments = parse(Arguments, sys.argv[1:])
        if (arguments.run is None) == (arguments.check is None):
            raise ConfigError("give one of run=FOLDER and check=BUNDLE", where="arguments")
        try:
            with terminable():
                (export_run if arguments.check is None else check_bundle)(arguments)
        except KeyboardInterrupt as end:  # nothing is left of an unfinished bundle
            say("stopped")
            sys.exit(status_of(end))


if __name__ == "__main__":
    main()
