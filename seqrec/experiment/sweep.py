"""The summary of a sweep: one table over all its jobs, mean and sd over seeds."""

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from seqrec.config.meaning import Meaning, key_of, meaning_of
from seqrec.config.saved import read_overrides
from seqrec.config.schema import cut_off
from seqrec.disk.manifest import read_checked
from seqrec.machine.process import is_first_process
from seqrec.run.claim import ELSEWHERE
from seqrec.terminal.console import console, print_line
from seqrec.terminal.table import Table, styled

FAILED: list[Path] = []  # folders of failed jobs, filled when the sweep ends
BEGUN: list[DictConfig] = []  # configuration of the sweep that is running
SKIPPED = "skipped"  # key in the results of a job that wasn't trained again


@dataclass(frozen=True)
class Job:
    """One job of a sweep, as read from its folder."""

    folder: Path
    varied: str  # the overrides that distinguish it, without seed and fold
    metrics: dict[str, Any] | None  # None: it failed
    error: str
    elsewhere: bool  # an earlier run stands for it


class SweepSummary(Callback):
    """Hydra callback that prints the closing table of a multirun."""

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Note that a sweep has begun, in case that it is stopped."""
        BEGUN[:] = [config]

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Read the jobs' folders, print the table, name the jobs that failed."""
        BEGUN.clear()
        if not is_first_process():  # the other processes have empty folders of their own
            return
        evaluation = config.evaluation
        k = cut_off(evaluation.monitor, evaluation.ks)
        summarise(Path(config.hydra.sweep.dir), [f"hit_rate@{k}", f"ndcg@{k}"])


def summarise_begun() -> None:
    """Print the table of a sweep that was stopped before its end; without one, nothing."""
    for config in [*BEGUN]:
        if Path(config.hydra.sweep.dir).is_dir():
            SweepSummary().on_multirun_end(config)
    BEGUN.clear()


def summarise(folder: Path, shown: list[str]) -> None:
    """Print the outcome of the jobs below `folder`; `shown` names the metrics."""
    out, jobs = console(), read_jobs(folder)
    hashes = sorted({job.metrics["data_hash"][:12] for job in jobs if job.metrics})
    out.print()
    print_line(out, "sweep", f"{len(jobs)} jobs; test metrics, mean ± sd over seeds and folds")
    if hashes:
        print_line(out, "data", f"hash {', '.join(hashes)}")
        out.print(sweep_table(jobs, shown))
    before = sum(job.elsewhere for job in jobs)
    if before:
        print_line(out, "", f"{before} of them were reused or resumed")
    for job in jobs:
        if job.metrics is None:
            FAILED.append(job.folder)
            print_line(
                out, "failed", f"{job.folder.name} {job.varied}: {job.error.splitlines()[0]}"
            )
    print_line(out, "runs", str(folder))


def read_jobs(folder: Path) -> list[Job]:
    """Read the jobs of a sweep, in the order in which they ran."""
    paths = [p for p in folder.iterdir() if (p / ".hydra" / "overrides.yaml").is_file()]
    overrides = {p: read_overrides(p) for p in paths}
    common = set.intersection(*map(set, overrides.values())) if len(paths) > 1 else set()
    jobs = []
    for path in sorted(paths, key=lambda p: (len(p.name.split("_")[0]), p.name)):
        varied = [o for o in overrides[path] if o not in common and not _repeats(o)]
        pointer, error = path / ELSEWHERE, path / "error.txt"
        run = Path(pointer.read_text().strip()) if pointer.is_file() else path
        message = error.read_text(errors="replace") if error.is_file() else ""
        metrics = _results(run / "metrics.json")
        if metrics is None and (run / "metrics.json").is_file():
            message = f"metrics.json is damaged ({run})"
        message = message or "did not finish"
        settings = " ".join(varied) or "(as configured)"
        jobs.append(Job(path, settings, metrics, message, elsewhere=run != path))
    return jobs


def _results(file: Path) -> dict[str, Any] | None:
    """Read a ``metrics.json`` without importing torch; None if it is missing or damaged."""
    try:
        metrics = json.loads(read_checked(file))
    except (OSError, ValueError, RecursionError):
        return None
    sound = isinstance(metrics, dict) and isinstance(metrics.get("data_hash"), str)
    return metrics if sound else None


def _repeats(override: str) -> bool:
    """Return whether an override only repeats the same model, as a seed does."""
    return meaning_of(key_of(override)) is Meaning.REPEAT


def sweep_table(jobs: list[Job], shown: list[str]) -> Table:
    """Build a table of settings by test metrics, as mean and standard deviation over seeds."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        if job.metrics is not None:
            groups.setdefault(job.varied, []).append(job.metrics)
    table = Table()
    table.add_column("settings", overflow="fold")
    table.add_column("runs", right=True)
    for name in shown:
        table.add_column(name, right=True, no_wrap=True)
    table.add_column("fit s", right=True)
    means = {v: [_mean(runs, f"test/{n}") for n in shown] for v, runs in groups.items()}
    best = [max(column) for column in zip(*means.values(), strict=True)] if means else []
    for varied, runs in groups.items():
        cells = []
        for column, name in enumerate(shown):
            text = spread([run.get(f"test/{name}") for run in runs])
            winner = means[varied][column] == best[column]
            cells.append(styled(text, "bold green" if winner else ""))
        seconds = _mean(runs, "fit_seconds")
        table.add_row(varied, str(len(runs)), *cells, f"{seconds:.1f}")
    return table


def spread(values: list[float | None]) -> str:
    """Format ``mean ± standard deviation`` (of the sample); for a single value, the mean."""
    present = [v for v in values if v is not None]
    if not present:
        return "-"
    if len(present) == 1:
        return f"{present[0]:.4f}"
    return f"{statistics.fmean(present):.4f} ± {statistics.stdev(present):.4f}"


def _mean(runs: list[dict[str, Any]], name: str) -> float:
    present = [run[name] for run in runs if run.get(name) is not None]
    return statistics.fmean(present) if present else float("nan")
