"""Evaluate a trained run again, and check its metrics against those it wrote."""

import dataclasses
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from seqrec.config.cli.script import PAIRS, parse
from seqrec.config.schema import SampledBy, cut_off
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_file
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.config.choose import Nodes
    from seqrec.config.schema import Component
    from seqrec.training.evaluated import EvaluatedModule

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)


@dataclass
class Arguments:
    """Evaluate a trained run again.

    python scripts/evaluate.py run=outputs/.../...
    python scripts/evaluate.py run=outputs/.../... split=valid ks='[10, 50]' mask_seen=false
    python scripts/evaluate.py run=outputs/.../... sampled=100     # as in old papers
    python scripts/evaluate.py run=outputs/.../... rerank=mmr rerank.weight=0.3
    python scripts/evaluate.py run=outputs/.../... noise=0.5 noise_way=worst
    python scripts/evaluate.py run=outputs/.../... horizon=10 generator='[topk, sample]'
    """

    run: str  # the folder of a run
    split: str = "test"  # test | valid
    ks: list[int] | None = None  # list lengths; default: the run's
    mask_seen: bool | None = None  # default: the run's
    sampled: int | None = None  # negatives to also rank test targets among; default: the run's
    sampled_by: str | None = None  # uniform | popularity; default: the run's
    rerank: str | None = None  # a file of configs/rerank, to reorder the lists; default: the run's
    noise: float | None = None  # move the vectors of the events by this share of their lengths
    noise_way: str = "random"  # random | worst: the way that hurts the target most
    horizon: int | None = None  # judge lists by the next n events instead (a split in time)
    generator: list[str] | None = None  # files of configs/generator, for a horizon; default: topk
    options: dict[str, str] = OPTIONS  # keys of these: rerank.weight=0.3, temperature=0.7
    picture: Path | None = None  # of a horizon: how often a list has the h-th event (.svg)
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
    if arguments.noise is not None and not arguments.noise >= 0:
        raise ConfigError(f"noise={arguments.noise}: must be at least 0", todo="write noise=0.5")
    if arguments.noise_way not in ("random", "worst"):
        raise ConfigError(
            f"noise_way={arguments.noise_way} is unknown", todo="choose random or worst"
        )
    if arguments.verify not in ("sampled", "full"):
        raise ConfigError(f"verify={arguments.verify} is unknown", todo="choose sampled or full")
    if arguments.save:
        check_file(Path(arguments.save), key="save", example="metrics.json")
    node = reranker_of(arguments)
    generators = check_horizon(arguments)
    from seqrec.evaluation.results import prefixed
    from seqrec.experiment.evaluate import evaluate, evaluate_noisy, rebuild, relocated
    from seqrec.machine.hardware import find_hardware
    from seqrec.run.folder import RunFolder
    from seqrec.tradeoff.show import show_reranked
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
    out = console()
    print_line(out, "data", f"{module.store.name}  hash {module.store.data_hash[:12]}")
    print_line(out, "device", hardware.device)
    if arguments.horizon:
        look_ahead(arguments, module.to(hardware.kind).eval(), generators)
        return
    noisy, way = arguments.noise, cast(Literal["random", "worst"], arguments.noise_way)
    if noisy is None:
        results = evaluate(module, split=arguments.split, hardware=hardware)
    else:
        given: dict[str, Any] = {"split": arguments.split, "hardware": hardware}
        results = evaluate_noisy(module, size=noisy, way=way, **given)
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
    if noisy is not None:
        print_line(out, "noise", f"{noisy} of each vector's length, {way}")
    elif now.mask_seen == then.mask_seen and (folder.path / "metrics.json").is_file():
        written = folder.results()
        if node is not None:
            show_reranked(out, written, keyed, cut_off(then.monitor, then.ks))
        else:
            moved = [k for k in keyed if k in written and not abs(keyed[k] - written[k]) < 1e-12]
            differs = f"differs from metrics.json in {', '.join(moved)}"
            some = keyed.keys() & written
            equal = "equal to metrics.json" if some else "metrics.json has none of it"
            print_line(out, "check", differs if moved else equal)
    if arguments.save:
        write_file(Path(arguments.save), json.dumps(keyed, indent=2) + "\n")
        print_line(out, "saved", arguments.save)


def reranker_of(arguments: Arguments) -> "Component | None":
    """Return the settings of the reranker that the command line names; None: it names none.

    Raises:
        ConfigError: there is no such reranker or key, or a value doesn't fit.
    """
    from seqrec.tradeoff.choose import reranker_settings

    given = {k: text for k, text in arguments.options.items() if k.startswith("rerank.")}
    for key in given:
        del arguments.options[key]
    return reranker_settings(arguments.rerank, given, folders=arguments.searchpath or ())


def check_horizon(arguments: Arguments) -> "Nodes":
    """Return the settings of the generators of a horizon; none without one.

    Raises:
        ConfigError: the arguments don't fit together, or name what there isn't.
    """
    from seqrec.recommend.choose import generator_settings

    horizon, names = arguments.horizon, arguments.generator
    if horizon is None and (names or arguments.picture):
        raise ConfigError(
            "generators are judged by the next n events", where="horizon", todo="add horizon=10"
        )
    if horizon is not None and horizon < 1:
        raise ConfigError(f"horizon={horizon}: must be at least 1", todo="write horizon=10")
    if horizon is not None and (arguments.split != "test" or arguments.ks or arguments.sampled):
        raise ConfigError(
            "a horizon has lists of its own length, after the test cut",
            where="horizon",
            todo="leave out split=, ks= and sampled=",
        )
    if horizon is not None and arguments.noise is not None:
        raise ConfigError("a horizon has no noise", where="noise", todo="leave out one of the two")
    if arguments.picture is not None:
        if arguments.picture.suffix != ".svg":
            raise ConfigError(
                f"picture={arguments.picture}: unsupported file type", todo="use .svg"
            )
        check_file(arguments.picture, key="picture", example="horizon.svg")
    return generator_settings(
        [] if horizon is None else names or ["topk"],
        arguments.options,
        folders=arguments.searchpath or (),
        arguments=arguments,
    )


def look_ahead(arguments: Arguments, module: "EvaluatedModule", settings: "Nodes") -> None:
    """Judge the lists of generators by the next events of the test users, and print tables."""
    from seqrec.generator import Asker
    from seqrec.horizon.measure import measure
    from seqrec.horizon.protocol import next_events
    from seqrec.horizon.show import (
        curve_table,
        differences,
        plain,
        worth_table,
        write_picture,
    )
    from seqrec.recommend.choose import GENERATORS, check_obeys

    horizon, policy = arguments.horizon or 0, module.judge.policy
    generators = GENERATORS.build(settings)
    for generator in generators.values():
        check_obeys(generator, policy)
    events = next_events(module.store, module.splits, horizon)
    model = module.model
    asker = Asker(model, model.catalogue(), policy, module.config.max_length)
    found = {
        name: measure(generator, asker, module.eval_batches(events.view), events, module.task)
        for name, generator in generators.items()
    }
    out, number = console(), (events.item_RH > 0).sum()
    told = f"{len(events):,} users, {number:,} next events, {events.left_out:,} left out"
    print_line(out, "horizon", f"{module.splits.protocol}; {told} (new items, repeats)")
    out.print(worth_table(found, horizon))
    for told in differences(found):
        print_line(out, "ndcg", told)
    out.print(curve_table(found, (events.item_RH > 0).sum(0)))
    if arguments.save:
        write_file(Path(arguments.save), json.dumps(plain(found, horizon), indent=2) + "\n")
        print_line(out, "saved", arguments.save)
    if arguments.picture is not None:
        write_picture(arguments.picture, found, f"{module.store.name}: lists of {horizon}")
        print_line(out, "picture", str(arguments.picture))


def main() -> None:
    """Read the arguments and evaluate."""
    with plain_errors():
        evaluate_run(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
