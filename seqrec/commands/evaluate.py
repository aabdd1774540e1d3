"""Evaluate a trained run again, and check its metrics against those it wrote."""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.cli.script import PAIRS, parse
from seqrec.config.schema import SampledBy, cut_off
from seqrec.config.trust import Trust
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError
from seqrec.machine.writable import check_file
from seqrec.terminal.console import Console, console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.config.schema import Component
    from seqrec.run.folder import RunFolder

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
PREFIX = "rerank."


@dataclass
class Arguments:
    """Evaluate a trained run again.

    python scripts/evaluate.py run=outputs/.../...
    python scripts/evaluate.py run=outputs/.../... split=valid ks='[10, 50]' mask_seen=false
    python scripts/evaluate.py run=outputs/.../... sampled=100     # as in old papers
    python scripts/evaluate.py run=outputs/.../... rerank=mmr rerank.weight=0.3
    """

    run: str  # the folder of a run
    split: str = "test"  # test | valid
    ks: list[int] | None = None  # list lengths; default: the run's
    mask_seen: bool | None = None  # default: the run's
    sampled: int | None = None  # negatives to also rank test targets among; default: the run's
    sampled_by: str | None = None  # uniform | popularity; default: the run's
    rerank: str | None = None  # a file of configs/rerank, to reorder the lists; default: the run's
    options: dict[str, str] = OPTIONS  # keys of that reranker: rerank.weight=0.3
    accelerator: str = "auto"  # auto | cpu | gpu
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know
    verify: str = "sampled"  # sampled: blocks of large files | full: every byte of run and data
    save: str | None = None  # write the metrics to this JSON file


def evaluate_run(arguments: Arguments) -> None:
    """Load and evaluate the run, print its metrics, and compare them with ``metrics.json``."""
    if arguments.split not in ("test", "valid"):
        raise ConfigError(f"split={arguments.split} is unknown", todo="choose test or valid")
    if arguments.ks is not None and (not arguments.ks or min(arguments.ks) < 1):
        raise ConfigError(f"ks={arguments.ks}: must be at least 1", todo="write ks='[5, 10]'")
    if arguments.split != "test" and (arguments.sampled or arguments.sampled_by):
        raise ConfigError("only the test uses sampled negatives", todo="add split=test")
    if arguments.sampled is not None and arguments.sampled < 0:
        raise ConfigError(
            f"sampled={arguments.sampled}: must be at least 0", todo="write sampled=100"
        )
    if arguments.sampled_by not in (None, *(by.value for by in SampledBy)):
        raise ConfigError(
            f"sampled_by={arguments.sampled_by} is unknown", todo="choose uniform or popularity"
        )
    if arguments.verify not in ("sampled", "full"):
        raise ConfigError(f"verify={arguments.verify} is unknown", todo="choose sampled or full")
    if arguments.save:
        check_file(Path(arguments.save), key="save", example="metrics.json")
    node = reranker_of(arguments)
    from seqrec.evaluation.results import prefixed
    from seqrec.experiment.evaluate import evaluate, rebuild, relocated
    from seqrec.machine.hardware import find_hardware
    from seqrec.run.folder import RunFolder
    from seqrec.training.trainer import silence

    silence()
    folder = RunFolder.open(
        arguments.run, Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    )
    if arguments.verify == "full":
        folder.verify()
    config = relocated(folder.config(), arguments.where)
    hardware = find_hardware(arguments.accelerator, "fp32")
    then = config.evaluation
    config.evaluation = now = dataclasses.replace(
        then,
        ks=arguments.ks or then.ks,
        mask_seen=then.mask_seen if arguments.mask_seen is None else arguments.mask_seen,
        sampled=then.sampled if arguments.sampled is None else arguments.sampled,
        sampled_by=SampledBy(arguments.sampled_by) if arguments.sampled_by else then.sampled_by,
    )
    config.rerank = node or config.rerank
    module = rebuild(folder, config)
    if arguments.verify == "full":
        module.store.verify()
    results = evaluate(module, split=arguments.split, hardware=hardware)
    out = console()
    print_line(out, "data", f"{module.store.name}  hash {module.store.data_hash[:12]}")
    print_line(out, "device", hardware.device)
    print_line(out, arguments.split, module.task.protocol)
    table = Table()
    table.add_column("metric")
    for k in now.ks:
        table.add_column(f"@{k}", right=True)
    names = {key.partition("@")[0] for key in results if "@" in key}
    for name in sorted(names):
        values = [results.get(f"{name}@{k}") for k in now.ks]
        table.add_row(name, *("" if value is None else f"{value:.4f}" for value in values))
    out.print(table)
    for key in results:
        if "@" not in key:
            print_line(out, key, f" {results[key]:.4f}")
    keyed = prefixed(arguments.split, results)
    if now.mask_seen == then.mask_seen and (folder.path / "metrics.json").is_file():
        check_written(out, keyed, folder, reranked=node is not None)
    if arguments.save:
        write_file(Path(arguments.save), json.dumps(keyed, indent=2) + "\n")
        print_line(out, "saved", arguments.save)


def reranker_of(arguments: Arguments) -> "Component | None":
    """Return the settings of the reranker that the command line names; None: it names none.

    Raises:
        ConfigError: there is no such reranker or key, or a value doesn't fit.
    """
    known = [each.name for each in dataclasses.fields(Arguments) if each.name != "options"]
    refuse([f"{k}: {unknown(k, known)}" for k in arguments.options if not k.startswith(PREFIX)])
    if arguments.rerank is None:
        if arguments.options:
            key = next(iter(arguments.options))
            raise ConfigError(f"{key} belongs to a reranker", where=key, todo="add rerank=NAME")
        return None
    from seqrec.tradeoff.choose import RERANKERS

    options = {k.removeprefix(PREFIX): text for k, text in arguments.options.items()}
    folders = [Path(place).expanduser() / "configs" for place in arguments.searchpath or ()]
    return RERANKERS.settings_of([arguments.rerank], options, folders=folders)[arguments.rerank]


def check_written(
    out: Console, keyed: dict[str, float], folder: "RunFolder", *, reranked: bool
) -> None:
    """Say whether the metrics are those that the run wrote; of another order, show both."""
    written = folder.results()
    both = [k for k in keyed if isinstance(written.get(k), float)]
    if not reranked:
        moved = [k for k in both if not abs(keyed[k] - written[k]) < 1e-12]
        differs = f"differs from metrics.json in {', '.join(moved)}"
        equal = "equal to metrics.json" if both else "metrics.json has none of it"
        print_line(out, "check", differs if moved else equal)
        return
    cut = folder.config().evaluation
    end = f"@{cut_off(cut.monitor, cut.ks)}"
    table = Table(f"{end[1:]} items a list: as the run wrote it, and reranked")
    for name in ("metric", "before", "after", "change"):
        table.add_column(name, right=name != "metric")
    for key in (key for key in both if key.endswith(end)):
        was, now = written[key], keyed[key]
        table.add_row(key, f"{was:.4f}", f"{now:.4f}", f"{now / was - 1:+.1%}" if was else "")
    out.print(table)


def main() -> None:
    """Read the arguments and evaluate."""
    with plain_errors():
        evaluate_run(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
