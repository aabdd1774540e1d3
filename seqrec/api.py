"""The Python interface: train or open a run, recommend with it, and compare runs.

``seqrec`` itself has the same names: ``seqrec.train``, ``seqrec.Run``, ``seqrec.compare``.
"""

import dataclasses
import io
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from seqrec.comparison.estimate import comparison
from seqrec.comparison.estimate.rows import Comparison
from seqrec.comparison.read.find import Skipped, find_runs
from seqrec.comparison.show import table
from seqrec.config.check.mistakes import reason, refuse, unknown
from seqrec.config.check.ranges import out_of_range
from seqrec.config.schema import Evaluation
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.evaluation.results import prefixed
from seqrec.recommend import Recommendation, Recommender, Session
from seqrec.run.folder import RunFolder
from seqrec.terminal.console import plain
from seqrec.terminal.table import Table


def train(*overrides: str) -> "Run":
    """Train and evaluate one model.

    Args:
        overrides: arguments of ``python train.py`` for one run: ``"model=gru_attn"``,
            ``"data=amazon"``, ``"trainer.max_epochs=5"``.

    Returns:
        The finished run. Its folder is below ``outputs/`` in the current folder, as with the
        command.

    Raises:
        SeqrecError: the command would refuse the arguments, with the same message.

    Example:
        >>> run = seqrec.train("model=sasrec", "data=movielens_100k")  # doctest: +SKIP
        >>> run.metrics["test/ndcg@10"]  # doctest: +SKIP
    """
    from seqrec.experiment import python  # imports Lightning

    return Run(python.train(*texts_of(overrides, where="train")))


def texts_of(given: str | Iterable[str], *, where: str) -> list[str]:
    """Return one text or several as a list.

    Args:
        given: the text, or texts.
        where: the argument, for the error.

    Raises:
        ConfigError: it is something else.
    """
    texts = [given] if isinstance(given, str) else given
    texts = list(texts) if isinstance(texts, Iterable) else [texts]
    for text in texts:
        if not isinstance(text, str):
            raise ConfigError(
                f"{text!r} ({type(text).__name__}) isn't a text",
                where=where,
                todo='write texts such as "model=sasrec", one for each argument',
            )
    return texts


def _changed(evaluation: Evaluation, protocol: dict[str, Any]) -> Evaluation:
    """Return the settings with some changed."""
    try:
        merged = OmegaConf.merge(OmegaConf.structured(evaluation), protocol)
        refuse(out_of_range({"evaluation": OmegaConf.to_container(merged)}))
        return OmegaConf.to_object(merged)  # type: ignore[return-value]
    except OmegaConfBaseException as error:
        raise ConfigError(reason(error), where="evaluate") from error


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
        """Open the run in a folder.

        Args:
            folder: the folder of the run.
            trust: import and call whatever its configuration names: code from outside this package
                runs with all your rights.
            searchpath: folders of modules that its configuration may name.

        Raises:
            ConfigError: a folder of `searchpath` doesn't exist.
            RunError: the folder isn't that of a trained run; the message lists runs nearby.
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
        return self._folder.results()

    @property
    def history(self) -> pl.DataFrame:
        """Seconds, losses and validation metrics, a row per epoch; empty for a counted baseline."""
        return pl.DataFrame(self._folder.history(), infer_schema_length=None)

    @property
    def command(self) -> str:
        """The command that trained this run.

        ``seqrec reproduce run=FOLDER`` runs it again and checks whether every metric is the same.

        Raises:
            RunError: the run's record is damaged.
        """
        return str(self._folder.about()["command"])

    def evaluate(
        self,
        *,
        split: str = "test",
        accelerator: str = "auto",
        where: Sequence[str] = (),
        **protocol: Any,
    ) -> dict[str, float]:
        """Rank the test or validation events again, without changing the folder.

        Args:
            split: ``test`` or ``valid``.
            accelerator: ``auto``, ``cpu`` or ``gpu``.
            where: new places of moved data: ``["data.path=FILE", "paths.cache_dir=FOLDER"]``.
            protocol: keys of ``evaluation`` to change: ``ks=[10, 50]``, ``mask_seen=False``.

        Returns:
            Metrics, keyed as in :attr:`metrics`.

        Raises:
            ConfigError: a split or key is unknown, a value impossible, or a device isn't available.
            DataError: the run's data can't be read anymore.
            RunError: the data isn't what the run was trained on.
        """
        from seqrec.experiment.evaluate import evaluate, rebuild, relocated
        from seqrec.machine.hardware import find_hardware
        from seqrec.training.trainer import silence

        if split not in ("test", "valid"):
            raise ConfigError(f"split={split} is unknown", todo="choose test or valid")
        config = relocated(self._folder.config(), texts_of(where, where="where"))
        known = {field.name for field in dataclasses.fields(config.evaluation)}
        for key in protocol.keys() - known:
            raise ConfigError(f"evaluation.{key}: {unknown(key, known)}")
        silence()
        config.evaluation = _changed(config.evaluation, protocol)
        hardware = find_hardware(accelerator, "fp32")
        results = evaluate(rebuild(self._folder, config), split=split, hardware=hardware)
        return prefixed(split, results)

    @cached_property
    def recommender(self) -> Recommender:
        """The trained model, ready to recommend; it needs only the folder.

        Raises:
            RunError: the folder is damaged, or its configuration names what a run may not.
        """
        return Recommender.of(self._folder)

    def recommend(
        self, session: Session | Iterable[str | int], *, k: int = 10, **options: Any
    ) -> Recommendation:
        """Recommend the `k` best next items for a history.

        Args:
            session: original item ids, oldest first; or a :class:`~seqrec.recommend.Session`,
                such as ``run.recommender.session(user)``.
            k: length of the list.
            options: further options of :meth:`~seqrec.recommend.Recommender.recommend`, such as
                ``mask_seen=False``.

        Returns:
            ``items`` (rank, item, title, score), ``history`` (item, title, attention) and
            ``unknown``, the ids that aren't in the catalogue.

        Raises:
            DataError: these aren't ids, none is known, or `k` isn't positive.
        """
        return self.recommender.recommend(session, k=k, **options)

    def __repr__(self) -> str:
        return f"Run.open({str(self.folder)!r})"


def compare(
    runs: Run | str | Path | Iterable[Run | str | Path],
    *,
    by: str | Sequence[str] | None = None,
    metrics: str | Sequence[str] = ("ndcg@10", "hit_rate@10"),
    reference: str | None = None,
    replicates: int = 10_000,
    trust: bool = False,
    searchpath: Iterable[str | Path] | None = None,
) -> "Compared":
    """Compare runs on the same events: which is better, and by more than chance?

    Args:
        runs: one or more runs, folders of runs, folders above them, or patterns
            (``"outputs/*/sasrec"``).
        by: settings that distinguish rows; None: the fewest that do, without the seed.
        metrics: names such as ``ndcg@10``; the first orders the rows and is tested.
        reference: the row to test the others against, by its labels; None: the best.
        replicates: draws of the bootstrap for the intervals.
        trust: see :meth:`Run.open`.
        searchpath: see :meth:`Run.open`.

    Raises:
        ConfigError: a key, metric or reference is unknown.
        RunError: there is no finished run, or the runs weren't measured on the same events.
    """
    from seqrec.comparison.read.choose import comparable

    several = [runs] if isinstance(runs, Run | str | Path) else runs
    folders = [str(run.folder if isinstance(run, Run) else run) for run in several]
    found, skipped = find_runs(folders, Trust.given(trust=trust, searchpath=searchpath))
    if not found:
        reasons = "; ".join(f"{each.path}: {each.reason}" for each in skipped[:10])
        raise RunError("no finished run to compare", where=reasons)
    [group] = comparable(found, separate=False)
    compared = comparison.compare(
        group,
        by=None if by is None else texts_of(by, where="by"),
        metrics=texts_of(metrics, where="metrics"),
        reference=reference,
        replicates=replicates,
    )
    return Compared(compared, skipped)


@dataclasses.dataclass(frozen=True)
class Compared:
    """A comparison; printed, or at the end of a notebook cell, it shows the command's table."""

    comparison: Comparison
    skipped: list[Skipped]  # folders that were left out, each with a reason

    @property
    def table(self) -> pl.DataFrame:
        """All numbers in full precision: a row for each model, the best first."""
        return pl.read_csv(io.StringIO(table.as_csv(self.comparison)))

    @property
    def notes(self) -> list[str]:
        """Sentences that explain the table."""
        return table.notes(self.comparison)

    def __rich__(self) -> Table:
        return table.terminal(self.comparison)

    def __repr__(self) -> str:
        lines = [line.rstrip() for line in plain(self).splitlines()]
        return "\n".join([*lines, *self.notes])
