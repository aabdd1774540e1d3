"""Train a run again from its folder, and check whether every metric is the same."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.cli.script import parse
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_folder
from seqrec.errors import ConfigError, RunError
from seqrec.machine.process import is_first_process
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table, styled

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.experiment.reproduce import Difference


@dataclass
class Arguments:
    """Train a run again and compare the metrics; the status is 1 if one differs.

    python scripts/reproduce.py run=outputs/.../...
    python scripts/reproduce.py run=outputs/.../... tolerance=0.002
    """

    run: str  # the folder of a run
    tolerance: float = 0.0  # how much a metric may differ; 0: equal to the last bit
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def reproduce(arguments: Arguments) -> bool:
    """Compare environments, train, compare results; return whether they agree."""
    if not arguments.tolerance >= 0:
        raise ConfigError(f"tolerance={arguments.tolerance}: must be at least 0")
    from seqrec.experiment.evaluate import find_data, relocated
    from seqrec.experiment.reproduce import changed_metrics, environments, train_again
    from seqrec.run.claim import claim
    from seqrec.run.folder import RunFolder

    folder = RunFolder.open(
        arguments.run, Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    )
    if not folder.finished:
        raise RunError(
            "the run isn't finished and has no results to compare with",
            where=str(folder.path),
            todo="finish it first: add resume=auto to its command",
        )
    config, about = relocated(folder.config(), arguments.where), folder.about()
    then = folder.results()
    data_hash = find_data(folder, config).data_hash
    if not is_first_process():  # started by Lightning for a run of several
        train_again(folder, config, folder.path)
        return True
    check_folder(folder.path.absolute().parent, key="the folder beside run")
    out = console()
    rows = environments(about, config, data_hash)
    out.print(environment_table(rows))
    if len(set(rows["code_sha256"])) > 1 and rows["git_sha"][0]:
        print_line(out, "code", code_hint(folder.path, rows["git_sha"][0]))
    if about.get("before"):
        print_line(
            out,
            "parts",
            f"the run was trained in {len(about['before']) + 1} parts, this one in one",
        )
    new = claim(folder.path.with_name(f"{folder.path.name}_again"))
    now = train_again(folder, config, new)
    different = changed_metrics(then, now)
    beyond = [difference for difference in different if difference.size > arguments.tolerance]
    out.print()
    if not different:
        print_line(out, "equal", f"all {len(then)} results equal those of the run to the last bit")
    elif not beyond:
        largest = different[0]
        print_line(out, "close", f"all {len(then)} results are within {arguments.tolerance:g}")
        print_line(out, "", f"largest difference: {largest.name}, {largest.size:.3g}")
    else:
        out.print(difference_table(beyond))
        print_line(out, "differ", f"{len(beyond)} of {len(then)} results, by more than "
             f"{arguments.tolerance:g}")  # fmt: skip
    return not beyond


def environment_table(rows: dict[str, tuple[Any, Any]]) -> Table:
    """Return a table of the environments of the run and of this process."""
    table = Table("made with")
    for column in ("", "then", "now"):
        table.add_column(column, overflow="fold")
    for name, (then, now) in rows.items():
        style = "" if then == now else "bold yellow"
        same = "=" if then == now else _short(now)
        table.add_row(name, styled(_short(then), style), styled(same, style))
    return table


def difference_table(different: "list[Difference]") -> Table:
    """Return a table of the results that differ."""
    table = Table()
    table.add_column("result")
    for column in ("then", "now", "difference"):
        table.add_column(column, right=True)
    for one in different:
        table.add_row(one.name, str(one.then), str(one.now), f"{one.size:.3g}")
    return table


def code_hint(run: Path, sha: str) -> str:
    """Return the commands that restore the run's code."""
    patch = run / "code.patch"
    apply = f" && git apply {patch.resolve()}" if patch.is_file() else ""
    return f"it differs from the run's; to restore that: git checkout {sha}{apply}"


def _short(value: Any) -> str:
    text = "unknown" if value is None else str(value)
    return text[:12] if len(text) in (40, 64) else text


def main() -> None:
    """Read the arguments and train again; exit with status 1 if a metric differs."""
    with plain_errors():
        agrees = reproduce(parse(Arguments, sys.argv[1:]))
    sys.exit(0 if agrees else 1)


if __name__ == "__main__":
    main()
