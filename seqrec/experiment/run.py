"""One run, from a composed configuration to a folder that can be compared and served."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl
import pytorch_lightning as lightning
import torch
from omegaconf import DictConfig
from torch import Tensor

from seqrec.build import build_source, make
from seqrec.config.process import is_first_process
from seqrec.config.schema import Root, Trainer
from seqrec.errors import RunError
from seqrec.experiment import report
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.card import check_leaks, markdown, protocol_card, summary
from seqrec.experiment.console import console, fact
from seqrec.experiment.counting import Counting
from seqrec.experiment.environment import describe_environment
from seqrec.experiment.evaluated import Evaluated
from seqrec.experiment.folder import RunFolder, plain, typed
from seqrec.experiment.hardware import Hardware, find_hardware
from seqrec.experiment.memory import peak_mb, reset_peak
from seqrec.experiment.module import Experiment
from seqrec.experiment.plan import make_plan
from seqrec.experiment.popularity import evaluate_popularity
from seqrec.experiment.processes import agree, check_shares
from seqrec.experiment.samples import sample_lists
from seqrec.experiment.slices import judged_events, slice_metrics
from seqrec.experiment.trainer import build_trainer, evaluating_trainer, silence
from seqrec.logger.run_info import RunInfo, RunLogger
from seqrec.store.expected import unexpected
from seqrec.store.prepare import prepare
from seqrec.types import count_parameters

UNNAMED = (  # overrides that don't tell a run from its neighbours, or are told elsewhere
    *("model", "data", "experiment", "logger", "group", "tags", "resume", "seed", "trainer"),
    *("data.raw_dir", "data.path", "trainer.progress"),
)


def run(
    config: DictConfig, run_dir: Path, *, choices: dict[str, str], overrides: list[str]
) -> dict[str, Any]:
    """Prepare the data, train, test, and write the run's folder.

    Args:
        config: the composed configuration.
        run_dir: the run's folder; one that holds a ``last.ckpt`` is continued.
        choices: chosen option of each configuration group.
        overrides: what was typed; the run is named by it.

    Returns:
        The content of ``metrics.json``.

    Raises:
        SeqrecError: something the user can mend.
    """
    out, root = console(), typed(config)
    silence()
    torch.manual_seed(root.seed)
    np.random.seed(root.seed)  # what third-party code may draw from
    counted = root.baseline is not None
    precision = "fp32" if counted else root.trainer.precision  # counts are exact
    hardware = find_hardware(root.trainer.accelerator, precision)
    folder = RunFolder(agree(run_dir, root.trainer))

    name, group = _names(root, choices, overrides)
    fact(out, "seqrec", f"{name} on {choices['data']}")
    if hardware.precision == "fp16" and root.optimizer:
        root.optimizer.pop("fused", None)  # it would unscale gradients after they were clipped
    store = prepare(build_source(root), root.prepare, Path(root.paths.cache_dir))
    if surprise := unexpected(store, root.expect):
        fact(out, "warning", surprise)
    module = build_experiment(root, store)
    assert module.facts.item_count_V is not None
    card = protocol_card(
        store,
        module.splits,
        root,
        item_count_V=module.facts.item_count_V.numpy(),
        protocol=module.protocol,
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
        record = _record(folder, module, name, group, choices, hardware, card)
        opened = logger.open(record)
    try:
        if isinstance(module, Counting):
            results = _count_and_test(module, folder, hardware)
        else:
            trainer = build_trainer(
                root, folder, hardware, monitor=module.monitor, logger=opened, out=out
            )
            held_out = {"validation": len(module.splits.valid), "test": len(module.splits.test)}
            check_shares(held_out, trainer.world_size)
            module, results = _fit_and_test(trainer, module, folder, hardware)
        if is_first_process():
            baseline = _write_results(module, folder, results)
            samples = sample_lists(
                module.model,
                module.eval_batches(module.splits.test),
                store,
                root,
                allowed_V=module.judge.allowed_V,
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


def _count_and_test(module: Counting, folder: RunFolder, hardware: Hardware) -> dict[str, Any]:
    """Count, keep the counts, evaluate them; return the results."""
    trainer = evaluating_trainer(Trainer(accelerator=hardware.kind, devices=1), hardware)
    reset_peak(hardware)
    module.count(trainer)
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
    module: Evaluated, folder: RunFolder, results: dict[str, Any]
) -> dict[str, float]:
    """Write each event's rank and ``metrics.json``; return the popularity baseline's metrics."""
    assert module.facts.item_count_V is not None
    evaluation = module.config.evaluation
    baseline = evaluate_popularity(
        module.eval_batches(module.splits.test),
        item_count_V=module.facts.item_count_V,
        gains=module.judge.ranking.gains,
        ks=evaluation.ks,
        mask_seen=evaluation.mask_seen,
        allowed_V=module.judge.allowed_V,
    )
    results |= {f"popularity/{key}": value for key, value in baseline.items()}
    events = judged_events(module)
    folder.write_table("ranks.parquet", events)
    k = int(evaluation.monitor.partition("@")[2] or max(evaluation.ks))
    results |= slice_metrics(events, module.judge.ranking.gains, k)
    folder.write_json("metrics.json", results)
    return baseline


def _record(
    folder: RunFolder,
    module: Evaluated,
    name: str,
    group: str,
    choices: dict[str, str],
    hardware: Hardware,
    card: dict[str, Any],
) -> RunInfo:
    """Write what the folder says before the first step; a resumed run keeps its id."""
    root, store = module.config, module.store
    known = folder.about() if (folder.path / "run.json").is_file() else {}
    run_id = known.get("run_id") or uuid4().hex[:8]
    if known and known["data_hash"] != store.data_hash:
        raise RunError(
            "the data changed since this run began",
            where=f"{known['data_hash'][:12]} then, {store.data_hash[:12]} now",
            todo="start a new run (leave resume out)",
        )
    folder.write_config(plain(root))
    allowed_V = module.splits.candidates
    candidate = pl.lit(True) if allowed_V is None else pl.Series(allowed_V[1:])
    folder.write_table("catalogue.parquet", store.items().with_columns(candidate=candidate))
    folder.write_json("protocol.json", card)
    folder.write_text("protocol.md", markdown(card))
    folder.write_json(
        "run.json",
        {
            "name": name,
            "group": group,
            "run_id": run_id,
            "choices": {k: v for k, v in choices.items() if not k.startswith("hydra/")},
            "data_hash": store.data_hash,
            "facts": module.facts.plain(),
            "device": hardware.device,
            "precision": hardware.precision,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "environment": describe_environment(),
        },
    )
    config = plain(root) | {"data_hash": store.data_hash}
    return RunInfo(folder.path, name, group, run_id, tags=list(root.tags), config=config)


def _names(root: Root, choices: dict[str, str], overrides: list[str]) -> tuple[str, str]:
    """A readable name, and the group of runs to compare with."""
    keys = [override.partition("=")[0].lstrip("+~") for override in overrides]
    changed = [
        override
        for key, override in zip(keys, overrides, strict=True)
        if key not in UNNAMED and not key.startswith(("paths.", "logger.", "hydra."))
    ]
    name = " ".join([choices["model"], *changed, f"seed={root.seed}"])
    recipe = choices.get("experiment") or "adhoc"
    return name, root.group or f"{choices['data']}/{recipe}"
