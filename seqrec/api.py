"""seqrec from Python: train a run or open one, ask it, compare it with others.

The same names are in ``seqrec`` itself: ``seqrec.train``, ``seqrec.Run``, ``seqrec.compare``.
"""

import dataclasses
import io
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from seqrec.comparison.estimate import comparison
from seqrec.comparison.estimate.rows import Comparison
from seqrec.comparison.read.find import Skipped, find_runs
from seqrec.comparison.show import table
from seqrec.config.check.mistakes import unknown
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.evaluation.results import prefixed
from seqrec.recommend import Recommendation, Recommender, Session
from seqrec.run.folder import RunFolder


def train(*overrides: str) -> "Run":
    """Train and evaluate one model.

    Args:
        overrides: what ``python train.py`` takes for one run: ``"model=gru_attn"``,
            ``"data=amazon"``, ``"trainer.max_epochs=5"``.

    Returns:
        The finished run. Its folder lies below ``outputs/`` in the current folder, as that of a
        command does.

    Raises:
        SeqrecError: what the command would refuse, in the same words.

    Example:
        >>> run = seqrec.train("model=sasrec", "data=movielens_100k")  # doctest: +SKIP
        >>> run.metrics["test/ndcg@10"]  # doctest: +SKIP
    """
    from seqrec.experiment import python  # imports Lightning

    return Run(python.train(*overrides))


class Run:
    """A trained run; :func:`train` returns one, and :meth:`open` reads one from its folder.

    Args:
        folder: the files of the run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        trust: bool = False,
        searchpath: Iterable[str | Path] | None = None,
    ) -> "Run":
        """Return the run of a folder.

        Args:
            folder: of the run.
            trust: import and call whatever its configuration names: code that isn't of this
                package runs with all your rights.
            searchpath: folders of modules that its configuration may name.

        Raises:
            ConfigError: a folder of `searchpath` isn't there.
            RunError: the folder isn't that of a trained run; the message lists runs that are near.
        """
        return cls(RunFolder.open(folder, Trust.given(trust=trust, searchpath=searchpath)))

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return self._folder.path

    @property
    def metrics(self) -> dict[str, Any]:
        """Every result by name: ``valid/ndcg@10``, ``test/ndcg@10``, ``popularity/ndcg@10``, ...

        Raises:
            RunError: the run isn't finished, or its results are damaged.
        """
        return self._folder.read_json("metrics.json")

    @property
    def history(self) -> pl.DataFrame:
        """A row an epoch: seconds, losses and validation metrics; empty for a counted baseline."""
        return pl.DataFrame(self._folder.history(), infer_schema_length=None)

    @property
    def command(self) -> str:
        """The command that trained this run.

        ``seqrec reproduce run=FOLDER`` types it again and says whether every metric is the same.

        Raises:
            RunError: the run's record is damaged.
        """
        return str(self._folder.about()["command"])

    def evaluate(
        self,
        *,
        split: str = "test",
        accelerator: str = "auto",
        precision: str = "auto",
        where: Sequence[str] = (),
        **protocol: Any,
    ) -> dict[str, float]:
        """Rank the test or the validation events again; the folder stays as it is.

        Args:
            split: ``test`` or ``valid``.
            accelerator: ``auto``, ``cpu`` or ``gpu``.
            precision: ``fp32``, ``bf16`` or ``fp16``; ``auto``: the run's, where the device has it.
            where: places of data that moved: ``["data.path=FILE", "paths.cache_dir=FOLDER"]``.
            protocol: keys of ``evaluation`` to change: ``ks=[10, 50]``, ``mask_seen=False``.

        Returns:
            Metrics, keyed as in :attr:`metrics`.

        Raises:
            ConfigError: a split or key that isn't there, or a device that can't be had.
            DataError: the run's data can't be read any more.
            RunError: the data isn't what the run was trained on.
        """
        from seqrec.experiment.evaluate import choose_hardware, evaluate, rebuild, relocated
        from seqrec.training.trainer import silence

        if split not in ("test", "valid"):
            raise ConfigError(f"split={split} is unknown", todo="choose test or valid")
        config = relocated(self._folder.config(), list(where))
        known = {field.name for field in dataclasses.fields(config.evaluation)}
        for key in protocol.keys() - known:
            raise ConfigError(f"evaluation.{key}: {unknown(key, known)}")
        silence()
        config.evaluation = dataclasses.replace(config.evaluation, **protocol)
        hardware = choose_hardware(self._folder, accelerator, precision)
        results = evaluate(rebuild(self._folder, config), split=split, hardware=hardware)
        return prefixed(split, results)

    @cached_property
    def recommender(self) -> Recommender:
        """The trained model, ready to answer; it needs nothing but the folder.

        Raises:
            RunError: the folder is damaged, or its configuration names what a run may not.
        """
        return Recommender.of(self._folder)

    def recommend(
        self, session: Session | Sequence[str | int], *, k: int = 10, **options: Any
    ) -> Recommendation:
        """Return the `k` best items to follow a history.

        Args:
            session: original item ids, oldest first; or a :class:`~seqrec.recommend.Session`,
                such as ``run.recommender.session(user)``.
            k: length of the list.
            options: of :meth:`~seqrec.recommend.Recommender.recommend`: ``mask_seen=False``.

        Returns:
            ``items`` (rank, item, title, score), ``history`` (item, title, attention) and
            ``unknown``, the ids that the catalogue doesn't have.

        Raises:
            DataError: no id is known, or `k` isn't positive.
        """
        asked = session if isinstance(session, Session) else Session([str(i) for i in session])
        return self.recommender.recommend(asked, k=k, **options)

    def __repr__(self) -> str:
        return f"Run.open({str(self.folder)!r})"


def compare(
    runs: Iterable[Run | str | Path],
    *,
    by: list[str] | None = None,
    metrics: Sequence[str] = ("ndcg@10", "hit_rate@10"),
    reference: str | None = None,
    replicates: int = 10_000,
    trust: bool = False,
    searchpath: Iterable[str | Path] | None = None,
) -> "Compared":
    """Compare runs that were measured on the same events: which is better, and beyond chance?

    Args:
        runs: runs, folders of runs, folders above them, or patterns (``"outputs/*/sasrec"``).
        by: settings that tell rows apart; None: the fewest that do, but for the seed.
        metrics: names as ``ndcg@10``; the first orders the rows and is tested.
        reference: the row that others are tested against, by its labels; None: the best.
        replicates: of the bootstrap that gives the intervals.
        trust: see :meth:`Run.open`.
        searchpath: see :meth:`Run.open`.

    Raises:
        ConfigError: a key, metric or reference that isn't there.
        RunError: there is no finished run, or the runs weren't measured on the same.
    """
    from seqrec.comparison.read.choose import comparable

    places = [str(run.folder if isinstance(run, Run) else run) for run in runs]
    found, skipped = find_runs(places, Trust.given(trust=trust, searchpath=searchpath))
    if not found:
        reasons = "; ".join(f"{each.path}: {each.reason}" for each in skipped[:10])
        raise RunError("there is no finished run to compare", where=reasons)
    [those] = comparable(found, separate=False)
    compared = comparison.compare(
        those, by=by, metrics=list(metrics), reference=reference, replicates=replicates
    )
    return Compared(compared, skipped)


@dataclasses.dataclass(frozen=True)
class Compared:
    """A comparison; printed, or at the end of a notebook's cell, it is the table of the command."""

    comparison: Comparison
    skipped: list[Skipped]  # folders that were left out, each with its reason

    @property
    def table(self) -> pl.DataFrame:
        """Every number in full: a row for each model, the best first."""
        return pl.read_csv(io.StringIO(table.as_csv(self.comparison)))

    @property
    def notes(self) -> list[str]:
        """Sentences that are needed to read the table."""
        return table.notes(self.comparison)

    def __rich__(self) -> Table:
        return table.terminal(self.comparison)

    def __repr__(self) -> str:
        out = Console(file=io.StringIO(), width=400, highlight=False, force_jupyter=False)
        out.print(self)
        lines = [line.rstrip() for line in out.file.getvalue().splitlines()]  # type: ignore[attr-defined]
        return "\n".join([*lines, *self.notes])
