"""The steps of a promotion, and the step back: from what is served to what will be."""

import secrets
from dataclasses import replace

from seqrec.errors import ConfigError, RunError
from seqrec.live.pointer import Live, Served

STAGES = ("shadow", "canary", "all")
BYTES = 8  # of a salt


def step(before: Live | None, candidate: Served, *, stage: str, share: float, time: int) -> Live:
    """Return what is served when a candidate takes a step.

    Args:
        before: what is served; None: nothing yet.
        candidate: the bundle.
        stage: ``shadow``, ``canary`` or ``all``.
        share: of the sessions that a canary answers, or of the requests that a shadow is asked.
        time: of the step, in milliseconds.

    Raises:
        ConfigError: the step can't be taken from there.
    """
    if before is None:
        if stage != "all":
            raise ConfigError(
                "nothing is live yet, so there is nothing to try a bundle beside",
                where=f"stage={stage}",
                todo="promote the first bundle with stage=all",
            )
        return Live(version=1, time=time, salt=_salt(), live=candidate)
    if candidate.sha == before.live.sha:
        raise ConfigError("the candidate is the bundle that is live", where="candidate")
    after = replace(before, version=before.version + 1, time=time)
    if stage == "shadow":
        return replace(after, shadow=candidate, shadow_share=share)
    on_trial = before.canary
    if on_trial is not None and on_trial.sha != candidate.sha:
        raise ConfigError(
            "another bundle is on trial as the canary",
            where=on_trial.bundle,
            todo="promote it with stage=all, or take it back with rollback=true",
        )
    if stage == "canary":
        salt = before.salt if on_trial else _salt()
        after = _out_of_the_shadow(after, candidate)
        return replace(after, canary=candidate, share=share, salt=salt)
    return replace(
        _out_of_the_shadow(after, candidate),
        live=candidate,
        previous=before.live,
        canary=None,
        share=0.0,
    )


def swap(before: Live | None, bundle: Served, *, time: int) -> Live:
    """Return what is served when a bundle takes the place of all others, through no gate.

    Args:
        before: what is served; None: nothing yet.
        bundle: the bundle.
        time: of the swap, in milliseconds.
    """
    if before is None:
        return Live(version=1, time=time, salt=_salt(), live=bundle)
    version = before.version + 1
    return Live(version=version, time=time, salt=_salt(), live=bundle, previous=before.live)


def back(before: Live | None, *, time: int) -> Live:
    """Return what is served after a rollback: without the canary, or with what was live before.

    Raises:
        RunError: there is nothing to go back to.
    """
    if before is None or (before.canary is None and before.previous is None):
        raise RunError(
            "there is no canary to take back, and no bundle that was live before",
            where="rollback",
            todo="promote an earlier bundle with stage=all",
        )
    after = replace(before, version=before.version + 1, time=time, canary=None, share=0.0)
    if before.canary is not None:
        return after
    assert before.previous is not None
    return replace(after, live=before.previous, previous=None)


def _out_of_the_shadow(live: Live, candidate: Served) -> Live:
    if live.shadow is None or live.shadow.sha != candidate.sha:
        return live
    return replace(live, shadow=None, shadow_share=0.0)


def _salt() -> str:
    return secrets.token_hex(BYTES)
