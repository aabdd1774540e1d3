"""The printed output of a run: its header, its results, and commands to type next."""

from functools import partial
from itertools import pairwise
from typing import Any

import torch

from seqrec.evaluation.groups import MAX_AUTO_GROUPS
from seqrec.evaluation.results import Results
from seqrec.evaluation.slices import SLICES, labels
from seqrec.experiment.assemble import Experiment
from seqrec.home import command
from seqrec.layers.shard import count_of_all
from seqrec.machine.hardware import Hardware
from seqrec.ranking.metrics import higher_is_better
from seqrec.run.folder import RunFolder
from seqrec.run.info import RunLogger
from seqrec.store.store import SequenceStore
from seqrec.terminal.console import Console, print_line, result_table
from seqrec.training.combining import EnsembleModule
from seqrec.training.evaluated import EvaluatedModule
from seqrec.training.module import TrainedModule
from seqrec.training.plan import Plan, told
from seqrec.training.profiling import TABLES

OF_LISTS = ("diversity", "vector_diversity", "serendipity", "miscalibration", "tail_share")


def print_header(
    out: Console, module: Experiment, hardware: Hardware, card: dict[str, Any]
) -> None:
    """Print data, split, model, batches and device, a line each."""
    store, splits = module.store, module.splits
    size = (
        f"{store.n_users:,} users  {store.n_items:,} items  {store.n_interactions:,} interactions"
    )
    print_line(out, "data", f"{size}  hash {store.data_hash[:12]}")
    rejected = store.report["rejected"]
    if rejected:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.items())
        print_line(out, "", f"malformed rows left out: {reasons}")
    for note in card["notes"]:
        print_line(out, "", note)
    for before, after in pairwise(store.report["steps"]):
        if after["interactions"] < before["interactions"]:
            events = f"{after['interactions']:,} of {before['interactions']:,} interactions"
            users = f"{after['users']:,} of {before['users']:,} users"
            print_line(out, "", f"prepare.{after['step']} left {events}, {users}")
    parts = f"{len(splits.train):,} train  {len(splits.valid):,} valid  {len(splits.test):,} test"
    print_line(out, "split", f"{splits.protocol}: {parts}")
    for leak in card["leaks"]:
        print_line(out, "leak", leak)
    for part in ("valid", "test"):
        cold = splits.report[f"{part}_cold_targets"]
        if cold:
            print_line(
                out, "", f"{cold:,} {part} targets left out: their items have no training event"
            )
    if splits.report["unused_events"]:
        unused = splits.report["unused_events"]
        print_line(out, "", f"{unused:,} interactions are in no part of this split")
    repeats = splits.report["test_repeats"]
    if repeats > 0.05 and module.config.evaluation.mask_seen:
        print_line(
            out,
            "",
            f"{repeats:.0%} of the test targets are seen items and can't be recommended: "
            "evaluation.mask_seen=false ranks seen items too",
        )
    if isinstance(module, TrainedModule):
        _training(out, module)
    elif isinstance(module, EnsembleModule):
        settings, count = module.config.ensemble, count_of_all(module)
        assert settings is not None
        told = f"Ensemble of {len(settings.runs)} runs, {settings.combine.value}"
        print_line(out, "model", f"{told}  {count:,} parameters")
    else:
        name = type(module.model.baseline).__name__
        print_line(out, "model", f"{name}, counted from {splits.report['train_events']:,} events")
    print_line(out, "device", f"{hardware.device}, {hardware.precision}: {hardware.reason}")


def _training(out: Console, module: TrainedModule) -> None:
    """Print model and batches."""
    model = (module.model.encoder, module.model.head, module.model.scorer, module.loss)
    names = " > ".join(type(part).__name__ for part in model)
    print_line(out, "model", f"{names}  {count_of_all(module):,} parameters")
    epoch = module.epoch_batches(0)
    limit = module.config.trainer.limit_batches
    count = f"{len(epoch):,}" if limit is None else f"{min(limit, len(epoch)):,} of {len(epoch):,}"
    size = f"{count} per epoch, of {epoch.n_positions / len(epoch):,.0f} positions"
    print_line(out, "batches", f"{size}, {epoch.padding:.1%} padding")
    if module.learned is not None:
        events = int((module.learned.end - module.learned.start).sum())
        all_events = module.splits.report["train_events"]
        print_line(out, "learned", f"{events:,} of {all_events:,} training events: new, and replay")
        return
    lost = 1 - epoch.n_targets / int(
        (module.splits.train.end - module.splits.train.start - 1).sum()
    )
    if lost > 0.01:
        print_line(
            out,
            "",
            f"{lost:.0%} of the training events lie before the latest "
            f"max_length={module.config.max_length} and aren't trained on: "
            "window=sliding trains on all",
        )


def print_threads(out: Console) -> None:
    """Say that a run uses fewer threads than there are, and why."""
    why = "steps are faster than with more, as other programs use the cores"
    print_line(out, "threads", f"{torch.get_num_threads()}: {why} (OMP_NUM_THREADS sets them)")


def print_plan(out: Console, plan: Plan) -> None:
    """Print the expected time and memory, and advice where they are too much."""
    print_line(out, "expected", told(plan))
    if plan.advice:
        print_line(out, "advice", f"{plan.free / 2**30:.1f} GiB are free; {plan.advice}")


def print_results(out: Console, module: EvaluatedModule, model: str, results: Results) -> None:
    """Print the test metrics and those of the popularity baseline."""
    task, about = module.task, results.about
    k = task.k
    shown = [f"{metric}@{k}" for metric in ("hit_rate", "ndcg", "mrr", "coverage")]
    out.print()
    seconds = about["fit_seconds"]
    if "best_epoch" in about:
        epoch = f"epoch {about['best_epoch']} of {about['epochs']}"
        print_line(out, "best", f"{epoch}, {seconds:.0f} s of training")
    else:
        what = "combined" if isinstance(module, EnsembleModule) else "counted"
        print_line(out, what, f"in {seconds:.1f} s")
    print_line(out, "test", f"{len(task.splits.test):,} events; {task.protocol}")
    rows = {"popularity": results.popularity, model: results.test}
    better = partial(higher_is_better, gains=task.gains)
    out.print(result_table(rows, ["rmse", "accuracy", *shown], higher_is_better=better))
    lists = {
        name: {metric: values[f"{metric}@{k}"] for metric in OF_LISTS if f"{metric}@{k}" in values}
        for name, values in rows.items()
    }
    if any(lists.values()):
        out.print(result_table(lists, OF_LISTS, head=f"lists of {k}"))
    _slices(out, results.slices, f"ndcg@{k}")
    _gaps(out, module, results.slices, f"ndcg@{k}")
    if task.negatives is not None:
        name = f"{task.negatives.name}_ndcg@{k}"
        values = f"{name} {results.test[name]:.4f}, popularity {results.popularity[name]:.4f}"
        print_line(out, "sampled", f"{values}; only to compare with papers that sampled negatives")


def _slices(out: Console, results: dict[str, float], metric: str) -> None:
    """Print the metric by kind of event, in one line."""
    kinds: dict[str, list[str]] = {}
    for key, value in results.items():
        if key.startswith("slices/") and key.endswith(f"/{metric}"):
            kind, _, which = key.split("/")[1].partition("=")
            if kind in SLICES:
                kinds.setdefault(kind, []).append(f"{which} {value:.4f}")
    parts = [f"{kind}: {', '.join(which)}" for kind, which in kinds.items() if len(which) > 1]
    if parts:
        print_line(out, metric, "  ".join(parts))


def _gaps(out: Console, module: EvaluatedModule, results: dict[str, float], metric: str) -> None:
    """Print the gaps between groups of users in one line, with the groups if they are few."""
    gaps = []
    for name, group_U in module.task.groups.items():
        if (gap := results.get(f"gaps/{name}/{metric}")) is not None:
            keys = {g: f"slices/{name}={g}/{metric}" for g in labels(group_U)}
            groups = [f"{g} {results[key]:.4f}" for g, key in keys.items() if key in results]
            gaps.append(
                f"{name} {gap:.4f}" + f" ({', '.join(groups)})" * (len(groups) <= MAX_AUTO_GROUPS)
            )
    if gaps:
        print_line(out, "gaps", "  ".join(gaps))


def print_next_steps(
    out: Console, folder: RunFolder, store: SequenceStore, logger: RunLogger
) -> None:
    """Print where the run is, and commands to copy."""
    print_line(out, "run", str(folder.path))
    for file in sorted(folder.path.glob(TABLES)):
        print_line(out, "profile", str(file))
    user = store.users()["user"][0]
    print_line(out, "next", command("recommend", f"run={folder.path}", f"user={user}"))
    for hint in logger.hints():
        print_line(out, "", hint)
