"""One run, from a composed configuration to a folder that can be compared and served."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as lightning
import torch
from omegaconf import DictConfig
from rich.console import Console
from torch import Tensor

from seqrec.build import build_source, make
from seqrec.config.schema import Root, Trainer
from seqrec.evaluation.after_test import draw_conclusions
from seqrec.evaluation.evaluated import Evaluated
from seqrec.evaluation.examples import sample_lists
from seqrec.evaluation.protocol import check_leaks, protocol_card, summary
from seqrec.evaluation.slices import slice_metrics
from seqrec.evaluation.tables import judged_events, listed_items
from seqrec.experiment import report
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.processes import agree, check_shares
from seqrec.experiment.record import Record, names
from seqrec.experiment.sweep import SKIPPED
from seqrec.machine.determinism import choose_algorithms, seed_all
from seqrec.machine.hardware import Hardware, find_hardware
from seqrec.machine.memory import peak_mb, reset_peak
from seqrec.machine.process import is_first_process
from seqrec.run.claim import ELSEWHERE
from seqrec.run.fingerprint import find_same
from seqrec.run.folder import RunFolder, typed
from seqrec.run.info import RunLogger
from seqrec.shapes import count_parameters
from seqrec.store.expect import unexpected
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.terminal.console import console, fact
from seqrec.training.counting import Counting
from seqrec.training.module import Experiment
from seqrec.training.plan import make_plan
from seqrec.training.trainer import build_trainer, evaluating_trainer, silence


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
        run_dir: the run's folder; one that holds a ``last.ckpt`` is continued.
        choices: chosen option of each configuration group.
        overrides: what was typed; the run is named by it.
        reuse: where a run of this configuration, data and code is there already, go on with that
            one, or take its results if it is finished; `run_dir` then says which it is.

    Returns:
        The content of ``metrics.json``; and ``skipped``, if it was there before.

    Raises:
        SeqrecError: something the user can mend.
    """
    out, root = console(), typed(config)
    silence()
    seed_all(root.seed)
    choose_algorithms(deterministic=root.trainer.deterministic)
    if reuse and is_first_process():
        run_dir = _known_folder(root, run_dir)
    folder = RunFolder(agree(run_dir, root.trainer))
    if reuse and folder.finished:
        fact(out, "skipped", f"it is trained: {folder.path} (rerun=true trains it again)")
        return folder.read_json("metrics.json") | {SKIPPED: True}
    with folder.held() if is_first_process() else nullcontext():
        return _run(root, folder, Record(folder, choices, overrides), out)


def _known_folder(root: Root, run_dir: Path) -> Path:
    """The folder of a run that would come out the same, told in `run_dir`; else `run_dir`."""
    store = prepare_data(root)
    known = find_same(root, store)
    if known is None:
        return run_dir
    RunFolder(run_dir).write_text(ELSEWHERE, f"{known.path}\n")
    return known.path


def _run(root: Root, folder: RunFolder, record: Record, out: Console) -> dict[str, Any]:
    hardware = choose_hardware_for(root)
    choices = record.choices
    name, _ = names(root, choices, record.overrides)
    fact(out, "seqrec", f"{name} on {choices['data']}")
    store = prepare_data(root)
    if surprise := unexpected(store, root.expect):
        fact(out, "counts", surprise)
    module = build_experiment(root, store)
    assert module.facts.item_count_V is not None
    card = protocol_card(
        store,
        module.splits,
        root,
        item_count_V=module.facts.item_count_V.numpy(),
        protocol=module.protocol,
        category=module.categories.name if module.categories else None,
        sampled=module.judge.negatives,
    )
    check_leaks(card, root)
    report.introduce(out, module, hardware, card)
    if is_first_process() and isinstance(module, Experiment):
        report.foretell(out, make_plan(module, hardware))
    if folder.last.is_file():
        fact(out, "resume", f"from {folder.last}")

    logger: RunLogger = make(root.logger)
    opened = None
    if is_first_process():
        opened = logger.open(record.open(module, hardware, card))
    try:
        if isinstance(module, Counting):
            results = _count_and_test(module, folder, hardware, out)
        else:
            trainer = build_trainer(
                root, folder, hardware, monitor=module.monitor, logger=opened, out=out
            )
            held_out = {"validation": len(module.splits.valid), "test": len(module.splits.test)}
            check_shares(held_out, trainer.world_size)
            module, results = _fit_and_test(trainer, module, folder, hardware)
        if is_first_process():
            baseline = _write_results(module, folder, record, results)
            samples = sample_lists(
                module.model,
                module.eval_batches(module.splits.test),
                store,
                root,
                candidate_V=module.judge.candidate_V,
                device=module.device,
            )
            logger.finish(results | summary(card), {"recommendations": samples}, failed=False)
    except BaseException:
        if is_first_process():
            logger.finish({}, {}, failed=True)
        raise
    if is_first_process():
        report.conclude(out, module, choices["model"], results, baseline)
        report.what_next(out, folder, store, logger)
    return results


def prepare_data(root: Root) -> SequenceStore:
    """The data of a run."""
    return prepare(build_source(root), root.prepare, Path(root.paths.cache_dir))


def choose_hardware_for(root: Root) -> Hardware:
    """Device and precision of a run; its optimizer is made to fit them."""
    counted = root.baseline is not None
    precision = "fp32" if counted else root.trainer.precision  # counts are exact
    hardware = find_hardware(root.trainer.accelerator, precision)
    if hardware.precision == "fp16" and root.optimizer:
        root.optimizer.pop("fused", None)  # it would unscale gradients after they were clipped
    return hardware


def _fit_and_test(
    trainer: lightning.Trainer, module: Experiment, folder: RunFolder, hardware: Hardware
) -> tuple[Experiment, dict[str, Any]]:
    """Train, go back to the best epoch, evaluate it; return what was evaluated and the results."""
    reset_peak(hardware)
    trainer.fit(module, ckpt_path=folder.resumable(), weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    told: dict[str, Any] = {
        "epochs": trainer.current_epoch,
        "fit_seconds": round(module.fit_seconds, 3),
        "peak_memory_mb": round(peak_mb(hardware), 1),
    }
    best = torch.load(folder.best, map_location="cpu", weights_only=True)
    if not has_whole(module, best["state_dict"]):
        rebuilt = build_experiment(module.config, module.store)
        assert isinstance(rebuilt, Experiment)
        module = rebuilt
        trainer = evaluating_trainer(module.config.trainer, hardware)
    module.load_state_dict(best["state_dict"])
    told["best_epoch"] = best["epoch"] + 1
    return module, _judged(trainer, module) | told


def _count_and_test(
    module: Counting, folder: RunFolder, hardware: Hardware, out: Console
) -> dict[str, Any]:
    """Count, keep the counts, evaluate them; return the results."""
    trainer = evaluating_trainer(Trainer(accelerator=hardware.kind, devices=1), hardware)
    reset_peak(hardware)
    module.count(trainer, out)
    told = {
        "fit_seconds": round(module.fit_seconds, 3),
        "peak_memory_mb": round(peak_mb(hardware), 1),
    }
    module.save(folder)
    return _judged(trainer, module) | told


def _judged(trainer: lightning.Trainer, module: Evaluated) -> dict[str, Any]:
    """Metrics on validation and test, and what they belong to."""
    trainer.validate(module, verbose=False)
    valid = module.results
    trainer.test(module, verbose=False)
    return {
        **module.results,
        **valid,
        "parameters": count_parameters(module),
        "seed": module.config.seed,
        "data": module.store.name,
        "data_hash": module.store.data_hash,
        "protocol": module.protocol,
    }


def has_whole(module: Experiment, weights: dict[str, Tensor]) -> bool:
    """Whether this process holds all of the weights, not the shard that FSDP left it with."""
    return all(own.shape == weights[name].shape for name, own in module.named_parameters())


def _write_results(
    module: Evaluated, folder: RunFolder, record: Record, results: dict[str, Any]
) -> dict[str, float]:
    """Write ranks, lists and ``metrics.json``; return the popularity baseline's metrics."""
    found = draw_conclusions(module)
    results |= {f"test/{key}": value for key, value in found.test.items()}
    results |= {f"popularity/{key}": value for key, value in found.popularity.items()}
    events = judged_events(module, found.popular)
    folder.write_table("ranks.parquet", events)
    folder.write_table("lists.parquet", listed_items(module))
    evaluation = module.config.evaluation
    k = int(evaluation.monitor.partition("@")[2] or max(evaluation.ks))
    results |= slice_metrics(events, module.judge.ranking.gains, k, found.lists)
    record.close()
    folder.write_json("metrics.json", results)
    return found.popularity
