"""One run, from a composed configuration to a folder that can be compared and served."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
from omegaconf import DictConfig
from torch import Tensor, nn

from seqrec.build import build_source
from seqrec.config.check.shards import splits_table
from seqrec.config.make import make
from seqrec.config.schema import Root, Trainer, is_trained
from seqrec.config.typed import typed
from seqrec.evaluation.examples import Samples, sample_lists
from seqrec.evaluation.protocol import check_leaks, protocol_card
from seqrec.evaluation.results import Results
from seqrec.evaluation.slices import balanced_metrics, slice_metrics
from seqrec.evaluation.tables import judged_events, listed_items
from seqrec.experiment import report
from seqrec.experiment.assemble import Experiment, build_experiment, whole_module
from seqrec.experiment.in_words import memory_in_words, peers_in_words
from seqrec.experiment.processes import agree, check_shares, own_shard
from seqrec.experiment.record import Record, names
from seqrec.experiment.shared import check_shards, forgetting, shared_out, split_and_count
from seqrec.experiment.sweep import SKIPPED
from seqrec.layers.shard import count_of_all
from seqrec.machine.determinism import choose_algorithms, seed_all
from seqrec.machine.hardware import Hardware, find_hardware
from seqrec.machine.memory import peak_mb, reset_peak
from seqrec.machine.process import is_first_process
from seqrec.run.checkpoints import read_checkpoint, write_checkpoint
from seqrec.run.claim import ELSEWHERE
from seqrec.run.fingerprint import find_same
from seqrec.run.folder import RunFolder
from seqrec.run.packed import unpacked
from seqrec.store.expect import unexpected
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.terminal.console import Console, console, print_line, silent
from seqrec.training.evaluated import EvaluatedModule
from seqrec.training.module import TrainedModule
from seqrec.training.plan import Plan, make_plan
from seqrec.training.threads import choose_threads, continue_threads, threads_restored
from seqrec.training.trainer import build_trainer, evaluating_trainer, silence

NO_LOGGER = "seqrec.logger.none.NoLogger"


def run(
    config: DictConfig,
    run_dir: Path,
    *,
    choices: dict[str, str],
    overrides: list[str],
    reuse: bool = False,
) -> dict[str, Any]:
    """Prepare the data, train, test, and write the run's folder.

    Args:
        config: the composed configuration.
        run_dir: the run's folder; if it holds a checkpoint of training, the run is resumed.
        choices: chosen option of each configuration group.
        overrides: the overrides as typed; the run is named after them.
        reuse: if a run of this configuration, data and code exists, resume it, or take its
            results if it is finished; a file in `run_dir` then points to that run.

    Returns:
        The content of ``metrics.json``, with ``skipped`` if a finished run was reused.

    Raises:
        SeqrecError: something the user can fix.
    """
    out, root = console(), typed(config)
    silence()
    seed_all(root.seed)
    choose_algorithms(deterministic=root.trainer.deterministic)
    logger = make(root.logger)  # refuses what it can't log before data is prepared
    if reuse and is_first_process():
        run_dir = _known_folder(root, run_dir)
    folder = RunFolder(agree(run_dir, root.trainer))
    if reuse and folder.finished:
        print_line(out, "skipped", f"already trained: {folder.path} (rerun=true trains it again)")
        return folder.results() | {SKIPPED: True}
    held = folder.held() if is_first_process() else nullcontext()
    with held, memory_in_words(), peers_in_words(), threads_restored(), forgetting(folder.path):
        record = Record(folder, choices, overrides, logger)
        return _run(root, record, out)


def _known_folder(root: Root, run_dir: Path) -> Path:
    """Return the folder of an equal run, and note it in `run_dir`; without one, `run_dir`."""
    store = prepare_data(root)
    same = find_same(root, store)
    if same is None:
        return run_dir
    RunFolder(run_dir).write_text(ELSEWHERE, f"{same.path}\n")
    return same.path


def _run(root: Root, record: Record, out: Console) -> dict[str, Any]:
    """Begin, fit, conclude."""
    module, hardware, card = _begin(root, record, out, several=True)
    if isinstance(module, TrainedModule):
        module.inherit()
        if module.begun is not None:
            print_line(out, "begins", module.begun.text())
    plan, resumed = None, continue_threads(record.folder)
    split = isinstance(module, TrainedModule) and module.model.shard is not None
    if is_first_process() and isinstance(module, TrainedModule) and not split:
        plan = make_plan(module, hardware)
        if plan.possible and not resumed and choose_threads(module, hardware):
            hardware = choose_hardware_for(root)
            report.print_threads(out)
            plan = make_plan(module, hardware)
        report.print_plan(out, plan)
    with record.opened(module, hardware, card) as logger:
        module, results = _fit(module, record.folder, hardware, logger, out, plan)
        if not is_first_process() and module.store.peers.world == 1:
            return results.flat()
        if split:
            module = whole_module(module, record.folder)
        results = _conclude(module, record.folder, results)
        if not is_first_process():
            return results.flat()
        if isinstance(module, TrainedModule):
            module.leave(record.folder)
        record.close(results, card, samples=_samples(module))
    report.print_results(out, module, record.choices["model"], results)
    report.print_next_steps(out, record.folder, module.store, record.logger)
    return results.flat()


def _begin(
    root: Root, record: Record, out: Console, *, several: bool = False
) -> tuple[Experiment, Hardware, dict[str, Any]]:
    """Build the module, refuse leaks under a strict protocol, and print the header.

    With `several`, the trainer's processes share the work, and may share the item table.
    """
    hardware = choose_hardware_for(root)
    name, _ = names(root, record.choices, record.overrides)
    print_line(out, "seqrec", f"{name} on {record.choices['data']}")
    store = prepare_data(root)
    if several:
        store = shared_out(root, store)
    splits, facts = split_and_count(root, store, record.folder.path)
    if surprise := unexpected(store, root.expect):
        print_line(out, "counts", surprise)
    shard = own_shard(root.trainer, store.n_items + 1) if several else None
    module = build_experiment(root, store, splits=splits, facts=facts, shard=shard)
    task = module.task
    card = protocol_card(
        store.own,
        task.own,
        root,
        item_count_V=task.item_count_V.numpy(),
        protocol=task.protocol,
        category=task.categories.name if task.categories else None,
        sampled=task.negatives,
    )
    check_leaks(card, root)
    report.print_header(out, module, hardware, card)
    return module, hardware, card


def _fit(
    module: Experiment,
    folder: RunFolder,
    hardware: Hardware,
    logger: Any,
    out: Console,
    plan: Plan | None,
) -> tuple[Experiment, Results]:
    """Train or count, restore the best weights, evaluate them; return the evaluated module."""
    config, splits = module.config, module.splits
    if is_trained(config):
        trainer = build_trainer(
            config, folder, hardware,
            monitor=module.monitor, mode=module.mode, logger=logger, out=out, plan=plan,
        )  # fmt: skip
    else:
        trainer = evaluating_trainer(Trainer(accelerator=hardware.kind, devices=1), out)
    check_shares({"validation": len(splits.valid), "test": len(splits.test)}, trainer.world_size)
    check_shards(config, module.store, splits, trainer.world_size)
    reset_peak(hardware)
    about = module.fit(trainer, folder, out)
    about["peak_memory_mb"] = round(peak_mb(hardware), 1)
    best = read_checkpoint(folder.best, mmap=True)
    if "epoch" in best:
        about["best_epoch"] = best["epoch"] + 1
    if not splits_table(config.trainer.strategy) and not has_whole(module, best["state_dict"]):
        module = build_experiment(config, module.store, splits=splits, facts=module.facts)
        trainer = evaluating_trainer(config.trainer, out)
    module.load_state_dict(best["state_dict"])
    return module, _judged(trainer, module, about)


def prepare_data(root: Root) -> SequenceStore:
    """Prepare the data of a run."""
    return prepare(build_source(root), root.prepare, Path(root.paths.cache_dir))


def choose_hardware_for(root: Root) -> Hardware:
    """Choose device and precision of a run, and make its optimizer fit them."""
    # counts are exact, and a model is judged in float32
    precision = root.trainer.precision if is_trained(root) else "fp32"
    hardware = find_hardware(root.trainer.accelerator, precision)
    if hardware.precision == "fp16" and root.optimizer:
        root.optimizer.pop("fused", None)  # it would unscale gradients after they are clipped
    return hardware


def _judged(trainer: lightning.Trainer, module: Experiment, about: dict[str, Any]) -> Results:
    """Return the metrics of ranks on validation and test, with the facts they belong to."""
    trainer.validate(module, verbose=False)
    valid = module.results
    trainer.test(module, verbose=False)
    belongs = {
        "parameters": count_of_all(module),
        "seed": module.config.seed,
        "data": module.store.name,
        "data_hash": module.store.data_hash,
        "protocol": module.task.protocol,
    }
    return Results(valid=valid, test=module.results, about=belongs | about)


def has_whole(module: nn.Module, weights: dict[str, Tensor]) -> bool:
    """Return whether this process holds all weights, not only its shard under FSDP."""
    return all(own.shape == weights[name].shape for name, own in module.named_parameters())


def _conclude(module: EvaluatedModule, folder: RunFolder, results: Results) -> Results:
    """Write ranks and lists; return the results with the metrics that follow from them.

    Processes that share the store tell the first one what they have of these, and write nothing.
    """
    task, found = module.task, module.conclude()
    assert module.tested is not None
    events = judged_events(task, module.tested, found.popular)
    if not is_first_process():
        return results
    folder.write_table("ranks.parquet", events)
    listed = listed_items(events, module.tested, task.store.items()["item"])
    folder.write_table("lists.parquet", listed)
    return replace(
        results,
        test=results.test | found.test,
        popularity=found.popularity,
        slices=slice_metrics(events, task.gains, task.k, found.lists)
        | balanced_metrics(events, task.gains, task.k),
    )


def record_weights(
    root: Root,
    run_dir: Path,
    weights: dict[str, Any],
    *,
    about: dict[str, Any],
    choices: dict[str, str],
    overrides: list[str],
) -> dict[str, Any]:
    """Write the folder of a run whose weights were made without training; return its results.

    Args:
        root: the configuration that the weights fit.
        run_dir: the run's folder.
        weights: of the model, by name, some packed; see :mod:`seqrec.run.packed`.
        about: what training the run cost that they were made of.
        choices, overrides: of that run.
    """
    folder, out = RunFolder(run_dir), silent()
    seed_all(root.seed)
    with folder.held(), memory_in_words(), threads_restored(), forgetting(folder.path):
        record = Record(folder, choices, overrides, make({"_target_": NO_LOGGER}))
        module, hardware, card = _begin(root, record, out)
        with record.opened(module, hardware, card):
            state = {f"model.{name}": value for name, value in weights.items()}
            write_checkpoint({"state_dict": state}, folder.best)
            module.load_state_dict(unpacked(state))
            trainer = evaluating_trainer(Trainer(accelerator=hardware.kind, devices=1), out)
            results = _conclude(module, folder, _judged(trainer, module, about))
            record.close(results, card, samples=_samples(module))
    return results.flat()


def _samples(module: EvaluatedModule) -> Samples:
    """Return lists of a few users, for a logger."""
    return sample_lists(
        module.model,
        module.eval_batches(module.splits.test),
        module.store,
        policy=module.judge.policy,
        device=module.device,
    )
