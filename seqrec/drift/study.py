"""A log, a catalogue, and what the one says of the other over time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.drift.units import units_of
from seqrec.drift.watch import FEWEST, Window, verdict_of, watch
from seqrec.errors import DataError
from seqrec.evidence.finding import Verdict
from seqrec.feedback import Feedback, read_log


@dataclass(frozen=True)
class Study:
    """What was found.

    Args:
        log: the folder of the log.
        known: the bundle or run whose items are known.
        begun: first millisecond of the reference.
        until: its end, and the begin of the first window.
        sessions: of the reference.
        windows: what each says.
        left_out: statistics that the log says nothing about, with the reason.
        skipped: lines of the log that weren't looked at, with the reason.
        alpha: share of windows without drift that may be alarmed.
    """

    log: str
    known: str
    begun: int
    until: int
    sessions: int
    windows: list[Window]
    left_out: dict[str, str]
    skipped: dict[str, int]
    alpha: float

    @property
    def drifts(self) -> bool:
        """Whether a window is alarmed."""
        return verdict_of(self.windows) is Verdict.FAIL

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        windows = [window.plain() for window in self.windows]
        return {**vars(self), "windows": windows, "verdict": str(verdict_of(self.windows))}


def study(
    log: Path,
    *,
    bundle: Path | None,
    run: Path | None,
    span: int,
    reference: int | None,
    since: int | None,
    event: str,
    alpha: float,
    replays: int,
) -> Study:
    """Compare windows of a log with its first ones.

    Args:
        log: the folder of the log.
        bundle: whose items are known, and whose lists are looked at; None: see `run`.
        run: the folder of a run whose items are known.
        span: milliseconds of a window.
        reference: windows that the others are held against; None: half of them.
        since: first millisecond of the first window; None: the first list's.
        event: the outcomes that are hits.
        alpha: share of windows without drift that may be alarmed.
        replays: draws for the bars.

    Raises:
        DataError: the log is empty, of another bundle, or too short for a reference and a window.
        RunError: the bundle or the run can't be opened.
    """
    catalogue, sha = _catalogue(bundle, run)
    feedback = _of_bundle(read_log(log, since=since), sha, log)
    times = feedback.slates["time"].to_numpy()
    begun = int(times[0]) if since is None else since
    windows = (int(times[-1]) - begun) // span + 1
    held = reference or max(1, windows // 2)
    if held >= windows:
        raise DataError(
            f"the log has {windows} window{'s' * (windows > 1)}, and {held} of them would be the "
            "reference",
            where=str(log),
            todo="write a smaller window= (hours), or a smaller reference=",
        )
    until = begun + held * span
    units = units_of(feedback, catalogue, reference_until=until, event=event)
    sessions, found = watch(
        units, until=until, end=int(times[-1]), span=span, alpha=alpha, replays=replays
    )
    if not found:
        raise DataError(
            f"the reference has {sessions} sessions, too few to know what is usual",
            where=str(log),
            todo=f"choose window= and reference= so that it has at least {FEWEST}",
        )
    return Study(
        log=str(log),
        known=str(bundle or run),
        begun=begun,
        until=until,
        sessions=sessions,
        windows=found,
        left_out=units.left_out,
        skipped={name: count for name, count in feedback.counts.items() if count},
        alpha=alpha,
    )


def _catalogue(bundle: Path | None, run: Path | None) -> tuple[pl.DataFrame, str | None]:
    """Return the known items, and the bundle's sha."""
    if bundle is not None:
        from seqrec.bundle import Bundle

        opened = Bundle.open(bundle)
        return opened.catalogue, opened.sha
    from seqrec.config.trust import Trust
    from seqrec.run.folder import RunFolder

    assert run is not None
    table = RunFolder.open(str(run), Trust.given(trust=False, searchpath=None))
    return table.read_table("catalogue.parquet").select(pl.col("item").cast(pl.String)), None


def _of_bundle(feedback: Feedback, sha: str | None, log: Path) -> Feedback:
    """Return the lists that a bundle made, and count the others as skipped."""
    slates = feedback.slates
    if not len(slates):
        raise DataError(
            "the log has no list that was shown",
            where=str(log),
            todo="name the folder that the server logs to, as log=DIR",
        )
    if sha is None:
        return feedback
    own = slates.filter(bundle=sha)
    if not len(own):
        others = ", ".join(each[:12] for each in slates["bundle"].unique().sort().to_list()[:3])
        raise DataError(
            f"the log has no list of this bundle: {sha[:12]} made none, {others} did",
            where=str(log),
            todo="name the bundle that was served, or run=FOLDER to look at all lists",
        )
    counts = {**feedback.counts, "lists of other bundles": len(slates) - len(own)}
    return Feedback(own, feedback.outcomes, counts)
