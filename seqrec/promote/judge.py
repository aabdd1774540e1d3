"""A candidate before its gates."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.bundle import Bundle
from seqrec.errors import DataError
from seqrec.evidence.arms import arms_of
from seqrec.evidence.ask import ask, elsewhere, faults_of, held_out, milliseconds, requests_of
from seqrec.evidence.beside import beside_of
from seqrec.evidence.evidence import Arms, Evidence, Gate
from seqrec.evidence.finding import Finding, Verdict, cant_say
from seqrec.evidence.worth import worth_of
from seqrec.feedback import Feedback, read_log
from seqrec.live import Live, place_of
from seqrec.live.record import began

Times = Mapping[str, NDArray[np.float64]]
TIMED, DRAWN = 200, 10  # requests, and items of a drawn one
MISSING = {
    "asked": "no request to ask again: give log=DIR with requests that both bundles know items of",
    "held": "the bundle carries no held-out requests, and there is no log=DIR with others",
    "arms": "the candidate isn't the canary, or log=DIR wasn't given: promote it with stage=canary",
    "value": "log=DIR wasn't given",
    "beside": "the log has no lists of it as the shadow: promote it with stage=shadow before",
}


@dataclass(frozen=True)
class Trial:
    """What a candidate is tried with.

    Args:
        folder: of the pointer file.
        live: what is served; None: nothing yet.
        log: folder of the log; None: there is none.
        since: first time of the log that is looked at, in milliseconds.
        requests: how many requests are asked again.
        k: length of the lists.
        event: what counts as taking an item.
    """

    folder: Path
    live: Live | None
    log: Path | None
    since: int | None
    requests: int
    k: int
    event: str


def evidence_of(candidate: Bundle, trial: Trial, gates: Mapping[str, Gate]) -> Evidence:
    """Gather what gates look at, and nothing that none does.

    Raises:
        DataError: the log is empty, or of other bundles than the live one.
        RunError: the live bundle can't be opened.
    """
    live = None
    if trial.live is not None:
        live = Bundle.open(place_of(trial.folder, trial.live.live))
    feedback = None if trial.log is None else _log(trial.log, trial.live, trial.since)
    bundles = {"candidate": candidate, **({} if live is None else {"live": live})}
    wanted = {gate.needs for gate in gates.values()}
    requests = None
    if feedback is not None and wanted & {"asked", "held", "ms"}:
        requests = requests_of(feedback, list(bundles.values()), most=trial.requests)
    asked = found = None
    if wanted & {"asked", "held"} and feedback is not None and live is not None and _any(requests):
        assert requests is not None
        asked = ask(candidate, live, requests, feedback, k=trial.k, event=trial.event)
        found = elsewhere(asked, requests, feedback, trial.event)
    held = None if live is None else held_out(candidate, live, k=trial.k)
    if held is None and found is not None and (found.target_N >= 0).any():
        held = found
    return Evidence(
        faults=faults_of(candidate),
        ms=_times(bundles, requests, trial.k) if "ms" in wanted else {},
        asked=asked,
        held=held,
        arms=None if feedback is None else _arms(candidate, trial, feedback),
        beside=None
        if feedback is None or live is None or "beside" not in wanted
        else beside_of(feedback, shadow=candidate.sha, live=live.sha),
        value=None
        if feedback is None or live is None or "value" not in wanted
        else worth_of(candidate, feedback, live=live.sha, event=trial.event),
        is_first=live is None,
    )


def judge(evidence: Evidence, gates: Mapping[str, Gate]) -> dict[str, Finding]:
    """Ask gates in their order; a bundle that fails its own tests isn't asked further.

    Gates that compare aren't asked of a first bundle.
    """
    found: dict[str, Finding] = {}
    for name, gate in sorted(gates.items(), key=lambda each: each[1].order):
        if gate.compares and evidence.is_first:
            continue
        there = getattr(evidence, gate.needs)
        missing = there is None
        found[name] = cant_say(name, MISSING[gate.needs]) if missing else gate(evidence)
        if not gate.compares and found[name].verdict is Verdict.FAIL and gate.needs == "faults":
            break
    return found


def _log(folder: Path, live: Live | None, since: int | None) -> Feedback:
    feedback = read_log(folder, since=since)
    slates = feedback.slates
    if not len(slates):
        after = "" if since is None else " since then"
        raise DataError(
            f"the log has no list that was shown{after}",
            where=str(folder),
            todo="name the folder that the server logs to, as log=DIR",
        )
    if live is not None and live.live.sha not in set(slates["bundle"].to_list()):
        others = ", ".join(sha[:12] for sha in slates["bundle"].unique().sort().to_list()[:3])
        raise DataError(
            f"the log is another server's: its bundles are {others}, and {live.live.sha[:12]} is "
            "live",
            where=str(folder),
            todo="name the log of the server that follows this pointer file",
        )
    return feedback


def _times(bundles: Mapping[str, Bundle], requests: pl.DataFrame | None, k: int) -> Times:
    """Time single requests of the log or, without one, histories drawn from the catalogue."""
    if requests is not None and _any(requests):
        histories = requests["history"].head(TIMED).to_list()
    else:
        known = bundles["candidate"].catalogue["item"]
        drawn = np.random.default_rng(0).integers(0, len(known), (TIMED, DRAWN))
        histories = [known[each].to_list() for each in drawn]
        bundles = {"candidate": bundles["candidate"]}
    return milliseconds(bundles, histories, k=k)


def _any(requests: pl.DataFrame | None) -> bool:
    return requests is not None and len(requests) > 0


def _arms(candidate: Bundle, trial: Trial, feedback: Feedback) -> Arms | None:
    live = trial.live
    if live is None or live.canary is None or live.canary.sha != candidate.sha:
        return None
    return arms_of(
        feedback,
        canary=live.canary.sha,
        live=live.live.sha,
        share=live.share,
        since=began(trial.folder, live),
        event=trial.event,
    )
