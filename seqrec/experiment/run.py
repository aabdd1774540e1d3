"""One run, from a composed configuration to a folder that can be compared and served."""

import logging
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl
import pytorch_lightning as lightning
import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from pytorch_lightning.callbacks import Callback, EarlyStopping, ModelCheckpoint
from rich.console import Console

from seqrec import __version__
from seqrec.build import build_gains, build_source, make
from seqrec.config.schema import Root
from seqrec.errors import RunError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.console import console, fact, result_table
from seqrec.experiment.environment import describe_environment
from seqrec.experiment.folder import RunFolder, plain, typed
from seqrec.experiment.hardware import Hardware, find_hardware
from seqrec.experiment.module import Experiment
from seqrec.experiment.popularity import evaluate_popularity
from seqrec.experiment.progress import EpochLines
from seqrec.experiment.samples import sample_lists
from seqrec.logger.run_info import RunInfo, RunLogger
from seqrec.split.views import Splits
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.types import count_parameters

UNNAMED = ("model", "data", "experiment", "logger", "group", "tags", "resume", "seed")


def run(config: DictConfig, run_dir: Path, *, choices: dict[str, str]) -> dict[str, Any]:
    """Prepare the data, train, test, and write the run's folder.

    Args:
        config: the composed configuration.
        run_dir: the run's folder; one that holds a ``last.ckpt`` is continued.
        choices: chosen option of each configuration group.

    Returns:
        The content of ``metrics.json``.

    Raises:
        SeqrecError: something the user can mend.
    """
    out, root = console(), typed(config)
    silence()
    torch.manual_seed(root.seed)
    np.random.seed(root.seed)  # what third-party code may draw from
    hardware = find_hardware(root.trainer.accelerator, root.trainer.precision)
    build_gains(root)  # a wrong evaluation.monitor is said before data is read

    name, group = _names(root, choices)
    fact(out, "seqrec", f"{__version__}  {name} on {choices['data']}")
    store = prepare(build_source(root), root.prepare, Path(root.paths.cache_dir))
    module = build_experiment(root, store)
    folder = RunFolder(run_dir)
    _introduce(out, module, hardware)

    record = _record(folder, module, name, group, hardware)
    logger: RunLogger = make(root.logger)
    trainer = _trainer(root, folder, hardware, module, logger.open(record), out)
    failed = True
    try:
        results, tables = _fit_and_test(trainer, module, folder, choices, out)
        failed = False
        if trainer.is_global_zero:
            logger.finish(results, tables, failed=False)
    finally:
        if failed and trainer.is_global_zero:
            logger.finish({}, {}, failed=True)
    _close(out, folder, store, logger)
    return results


def protocol(config: Root, splits: Splits) -> str:
    """The evaluation protocol in one line: what makes two runs comparable."""
    seen = "seen items masked" if config.evaluation.mask_seen else "seen items ranked"
    return f"{splits.protocol}; full ranking; {seen}; ties count against the target"


def _fit_and_test(
    trainer: lightning.Trainer,
    module: Experiment,
    folder: RunFolder,
    choices: dict[str, str],
    out: Console,
) -> tuple[dict[str, Any], dict[str, Any]]:
    root, store, splits = module.config, module.store, module.splits
    resumed = folder.last if folder.last.is_file() else None
    if resumed:
        fact(out, "resume", f"from {resumed}")
    trainer.fit(module, ckpt_path=resumed, weights_only=True)
    if trainer.interrupted:
        raise KeyboardInterrupt
    best = torch.load(folder.best, map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    trainer.validate(module, verbose=False)
    valid = module.results
    trainer.test(module, verbose=False)
    test = module.results
    assert module.ranks is not None
    if not trainer.is_global_zero:
        return {}, {}

    assert module.facts.item_count_V is not None
    baseline = evaluate_popularity(
        module.eval_batches(splits.test),
        item_count_V=module.facts.item_count_V,
        gains=module.ranking.gains,
        ks=root.evaluation.ks,
        mask_seen=root.evaluation.mask_seen,
        allowed_V=None if module.allowed_V is None else module.allowed_V.cpu(),
    )
    results = {
        **test,
        **valid,
        **{f"popularity/{key}": value for key, value in baseline.items()},
        "epochs": trainer.current_epoch,
        "best_epoch": best["epoch"] + 1,
        "fit_seconds": round(module.fit_seconds, 3),
        "parameters": count_parameters(module),
        "seed": root.seed,
        "data": store.name,
        "data_hash": store.data_hash,
        "protocol": protocol(root, splits),
    }
    users = store.users()["user"]
    user_R, rank_R = (t.numpy() for t in module.ranks)
    folder.write_table("ranks.parquet", pl.DataFrame({"user": users[user_R], "rank": rank_R}))
    samples = sample_lists(module.model, module.eval_batches(splits.test), store, root)
    folder.write_json("metrics.json", results)

    out.print()
    k = root.evaluation.monitor.partition("@")[2] or max(root.evaluation.ks)
    shown = [f"{metric}@{k}" for metric in ("hit_rate", "ndcg", "mrr", "coverage")]
    model = {key.removeprefix("test/"): value for key, value in test.items()}
    table = result_table(
        f"test  {len(splits.test.user):,} events, {protocol(root, splits)}",
        {"popularity": baseline, choices["model"]: model},
        ["rmse", "accuracy", *shown],
    )
    out.print(table)
    return results, {"recommendations": samples}


def _trainer(
    root: Root,
    folder: RunFolder,
    hardware: Hardware,
    module: Experiment,
    logger: Any,
    out: Console,
) -> lightning.Trainer:
    settings = root.trainer
    callbacks: list[Callback] = [
        EpochLines(out, bar=settings.progress),
        ModelCheckpoint(
            dirpath=folder.checkpoints,
            filename="best",
            monitor=module.monitor,
            mode="max",
            save_last=True,
            enable_version_counter=False,
        ),
    ]
    if settings.patience:
        callbacks.insert(
            1, EarlyStopping(monitor=module.monitor, mode="max", patience=settings.patience)
        )
    return lightning.Trainer(
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy=settings.strategy,
        precision=hardware.lightning_precision,  # type: ignore[arg-type]
        max_epochs=settings.max_epochs,
        check_val_every_n_epoch=settings.validate_every,
        gradient_clip_val=settings.gradient_clip,
        deterministic=settings.deterministic,
        logger=logger or False,
        callbacks=callbacks,
        reload_dataloaders_every_n_epochs=1,  # each epoch has its own shuffle
        num_sanity_val_steps=0,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        default_root_dir=folder.path,
    )


def _record(
    folder: RunFolder, module: Experiment, name: str, group: str, hardware: Hardware
) -> RunInfo:
    """Write what the folder says before the first step; a resumed run keeps its id."""
    root, store = module.config, module.store
    known = folder.read_json("run.json") if (folder.path / "run.json").is_file() else {}
    run_id = known.get("run_id") or uuid4().hex[:8]
    if known and known["data_hash"] != store.data_hash:
        raise RunError(
            "the data changed since this run began",
            where=f"{known['data_hash'][:12]} then, {store.data_hash[:12]} now",
            todo="start a new run (leave resume out)",
        )
    folder.write_config(plain(root))
    folder.write_table("catalogue.parquet", store.items())
    folder.write_json(
        "run.json",
        {
            "name": name,
            "group": group,
            "run_id": run_id,
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


def _introduce(out: Console, module: Experiment, hardware: Hardware) -> None:
    store, splits = module.store, module.splits
    fact(
        out,
        "data",
        f"{store.n_users:,} users  {store.n_items:,} items  {store.n_interactions:,} interactions"
        f"  hash {store.data_hash[:12]}",
    )
    fact(
        out,
        "split",
        f"{splits.protocol}: {len(splits.train.user):,} train  {len(splits.valid.user):,} valid"
        f"  {len(splits.test.user):,} test",
    )
    parts = (module.model.encoder, module.model.head, module.model.scorer, module.loss)
    names = " > ".join(type(part).__name__ for part in parts)
    fact(out, "model", f"{names}  {count_parameters(module):,} parameters")
    loader = module.epoch_batches(0)
    size = f"{len(loader):,} batches of {loader.positions:,.0f} positions"
    fact(out, "epoch", f"{size}, {loader.padding:.1%} padding")
    fact(out, "device", f"{hardware.device}, {hardware.precision}: {hardware.reason}")


def _close(out: Console, folder: RunFolder, store: SequenceStore, logger: RunLogger) -> None:
    user = store.users()["user"][0]
    out.print()
    fact(out, "run", str(folder.path))
    fact(out, "next", f"python scripts/recommend.py run={folder.path} user={user}")
    for hint in logger.hints():
        fact(out, "", hint)


def _names(root: Root, choices: dict[str, str]) -> tuple[str, str]:
    """A readable name, and the group of runs to compare with."""
    changed = []
    if HydraConfig.initialized():
        for override in HydraConfig.get().overrides.task:
            key = override.split("=")[0].lstrip("+~")
            if key not in UNNAMED and not key.startswith(("paths.", "trainer.progress", "logger.")):
                changed.append(override)
    name = " ".join([choices["model"], *changed, f"seed={root.seed}"])
    recipe = choices.get("experiment") or "adhoc"
    return name, root.group or f"{choices['data']}/{recipe}"


def silence() -> None:
    """Silence what the user of a run can't act on."""
    for source in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(source).setLevel(logging.ERROR)
    for message in _NOT_ACTIONABLE:
        warnings.filterwarnings("ignore", message=message)


_NOT_ACTIONABLE: Iterable[str] = (
    ".*does not have many workers.*",  # batches are gathers; there are no workers
    ".*GPU available but not used.*",  # the user chose the device
    ".*exists and is not empty.*",  # a resumed run goes on in its folder
    ".*smaller than the logging interval.*",
    ".*was not configured.*IterableDataset.*",
    ".*`isinstance\\(treespec, LeafSpec\\)`.*",  # inside torch and Lightning
)
