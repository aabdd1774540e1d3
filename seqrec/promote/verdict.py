"""From what gates find to whether a bundle takes its step."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from seqrec.evidence.evidence import Gate
from seqrec.evidence.finding import Finding, Verdict

CANARY = "arms"  # the field of the evidence that only a canary has


@dataclass(frozen=True)
class Decision:
    """Whether a bundle takes its step.

    Args:
        action: ``promoted``, ``stopped`` or ``rolled back``.
        by: gates that stopped it.
    """

    action: str
    by: tuple[str, ...] = ()


def gates_of(stage: str, gates: Mapping[str, Gate], *, on_trial: bool) -> dict[str, Gate]:
    """Return the gates to ask: a bundle that isn't the canary yet has no sessions of its own.

    To answer everybody, it needs them: there the gate is asked, and can't say.
    """
    early = stage != "all" and not on_trial
    return {name: gate for name, gate in gates.items() if not (early and gate.needs == CANARY)}


def decide(
    found: Mapping[str, Finding],
    gates: Mapping[str, Gate],
    *,
    stage: str,
    on_trial: bool,
    waived: Collection[str],
) -> Decision:
    """Decide by the gates that count for a stage.

    A shadow answers nobody, so only what the bundle shows by itself counts. A gate that counts
    stops a bundle unless it passes or is waived. A canary that is shown to be worse is taken back
    at once, and one whose sessions are too few may stay.

    Args:
        found: what each gate found.
        gates: the gates.
        stage: ``shadow``, ``canary`` or ``all``.
        on_trial: the candidate is the canary already.
        waived: gates that needn't pass.
    """
    open_ = {
        name: finding.verdict
        for name, finding in found.items()
        if name not in waived
        and finding.verdict is not Verdict.PASS
        and not (gates[name].optional and finding.verdict is Verdict.CANT_SAY)
        and not (stage == "shadow" and gates[name].compares)
    }
    canary = {name for name in open_ if on_trial and gates[name].needs == CANARY}
    if any(open_[name] is Verdict.FAIL for name in canary):
        return Decision("rolled back", tuple(open_))
    by = tuple(name for name in open_ if stage != "canary" or name not in canary)
    return Decision("stopped" if by else "promoted", by)
