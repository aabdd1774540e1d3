"""Put a bundle in front of users step by step, through gates, and back."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.clock import instant
from seqrec.config.cli.script import PAIRS, argument_names, parse
from seqrec.disk.writable import check_folder
from seqrec.errors import ConfigError
from seqrec.home import command
from seqrec.terminal.errors import plain_errors

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.config.choose import Nodes
    from seqrec.live import Live

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
STAGES = ("shadow", "canary", "all")


@dataclass
class Arguments:
    """Put a bundle in front of users step by step, through gates, and back.

    python scripts/promote.py candidate=bundle live=outputs/serving stage=all
    python scripts/promote.py candidate=new live=outputs/serving stage=shadow share=0.2
    python scripts/promote.py candidate=new live=outputs/serving log=outputs/serving/log
    python scripts/promote.py candidate=new live=outputs/serving stage=all log=outputs/serving/log
    python scripts/promote.py live=outputs/serving rollback=true reason='slower than promised'
    python scripts/promote.py live=outputs/serving
    """

    live: Path  # the folder of live.json, which the server follows
    candidate: Path | None = None  # the bundle to promote; without it, show what is live
    stage: str = "canary"  # shadow: asked beside, shown to nobody | canary: answers a share | all
    share: float = 0.05  # of the sessions that a canary answers, of the requests of a shadow
    log: Path | None = None  # the log of the server that follows live.json
    since: str | None = None  # ISO time: leave out what the candidate may have learned from
    gates: list[str] | None = None  # files of configs/gate; default: all
    options: dict[str, str] = OPTIONS  # keys of the gates: stability.least=0.6
    waive: list[str] | None = None  # gates that needn't pass; reason= says why
    reason: str = ""  # why, for the history
    requests: int = 2000  # of the log, to ask both bundles again
    k: int = 10  # length of the lists
    event: str = "click"  # what counts as taking an item
    rollback: bool = False  # take the canary back or, without one, return to what was live before
    repair: bool = False  # write live.json again, from its history
    format: str = "text"  # text | json


def promote_bundle(arguments: Arguments) -> int:
    """Check the arguments and do what they say; return the exit status."""
    check(arguments)
    if arguments.rollback or arguments.repair:
        return go_back(arguments)
    if arguments.candidate is None:
        from seqrec.promote.show import show_state

        show_state(arguments.live, as_json=arguments.format == "json")
        return 0
    return promote(arguments, arguments.candidate, settings(arguments))


def check(arguments: Arguments) -> None:
    """Refuse arguments that are out of range or contradict each other.

    Raises:
        ConfigError: they do.
    """
    for key, known in (("stage", STAGES), ("format", ("text", "json"))):
        if getattr(arguments, key) not in known:
            raise ConfigError(
                f"{key}={getattr(arguments, key)} is unknown", todo=f"choose {' or '.join(known)}"
            )
    if not 0 < arguments.share < 1:
        raise ConfigError(f"share={arguments.share}: must lie between 0 and 1", todo="share=0.05")
    for key, least in (("requests", 1), ("k", 1)):
        if getattr(arguments, key) < least:
            raise ConfigError(
                f"{key}={getattr(arguments, key)}: must be at least 1", todo=f"{key}=10"
            )
    if arguments.rollback + arguments.repair + (arguments.candidate is not None) > 1:
        raise ConfigError(
            "candidate=, rollback=true and repair=true are three commands", todo="give one of them"
        )
    if arguments.waive and not arguments.reason.strip():
        raise ConfigError(
            "a gate is waived for a reason, which the history keeps",
            where="waive",
            todo="add reason='...'",
        )
    check_folder(arguments.live, key="live")


def settings(arguments: Arguments) -> "Nodes":
    """Return the settings of the chosen gates.

    Raises:
        ConfigError: there is no such gate or key, or a gate can't be waived.
    """
    from seqrec.config.choose import Choice

    choice = Choice("gate", key="gates", several="gates")
    names = choice.names()
    nodes = choice.settings_of(
        arguments.gates or names, arguments.options, beside=argument_names(Arguments)
    )
    for name in arguments.waive or ():
        gate = choice.build({name: nodes[name]})[name] if name in nodes else None
        if gate is None or not gate.compares:
            known = [n for n, each in choice.build(nodes).items() if each.compares]
            raise ConfigError(
                f"{name} isn't a gate that can be waived",
                where="waive",
                todo=f"choose from {', '.join(known)}",
            )
    return nodes


def go_back(arguments: Arguments) -> int:
    """Take the last step back, or write the pointer file again."""
    from seqrec.live.record import change, now, repair
    from seqrec.live.steps import back
    from seqrec.terminal.console import console, print_line

    time = now()
    if arguments.repair:
        live: Live | None = repair(arguments.live, time=time, why=arguments.reason)
    else:
        live = change(
            arguments.live,
            lambda before: back(before, time=time),
            action="rolled back",
            time=time,
            why=arguments.reason,
        )
    assert live is not None
    if arguments.format == "json":
        print(json.dumps({"version": live.version, "live": vars(live.live)}))
    else:
        done = "repaired" if arguments.repair else "rolled back"
        print_line(console(), done, f" {live.live.bundle} is live (version {live.version})")
    return 0


def promote(arguments: Arguments, candidate: Path, nodes: "Nodes") -> int:
    """Judge the candidate, and let it take its step if it may."""
    from seqrec.bundle import Bundle
    from seqrec.config.choose import Choice
    from seqrec.live.record import change, current, now, served
    from seqrec.live.steps import back, step
    from seqrec.promote.judge import Trial, evidence_of, judge
    from seqrec.promote.show import show_findings
    from seqrec.promote.verdict import decide, gates_of

    folder, time = arguments.live, now()
    before = current(folder)
    opened = Bundle.open(candidate, full=True)
    named = served(folder, candidate, opened.sha)
    after = step(before, named, stage=arguments.stage, share=arguments.share, time=time)
    trial = Trial(
        folder=folder,
        live=before,
        log=arguments.log,
        since=instant(arguments.since, where="since"),
        requests=arguments.requests,
        k=arguments.k,
        event=arguments.event,
    )
    canary = None if before is None else before.canary
    on_trial = canary is not None and canary.sha == opened.sha
    gates = Choice("gate", key="gates", several="gates").build(nodes)
    asked = gates_of(arguments.stage, gates, on_trial=on_trial)
    found = judge(evidence_of(opened, trial, asked), asked)
    decision = decide(
        found, gates, stage=arguments.stage, on_trial=on_trial, waived=arguments.waive or ()
    )
    record = {
        "action": decision.action,
        "time": time,
        "why": arguments.reason,
        "stage": arguments.stage,
        "candidate": vars(named),
        "waived": arguments.waive or [],
        "gates": {name: finding.plain() for name, finding in found.items()},
    }
    make = {"promoted": lambda _: after, "rolled back": lambda b: back(b, time=time)}
    change(
        folder,
        make.get(decision.action, lambda _: None),
        seen=before.version if before else 0,
        **record,
    )
    show_findings(found, decision, record, as_json=arguments.format == "json")
    if decision.action == "promoted" and arguments.format == "text":
        _next(arguments, after)
    return 0 if decision.action == "promoted" else 1


def _next(arguments: Arguments, live: "Live") -> None:
    """Print what is served now, and how to go on."""
    from seqrec.terminal.console import console, print_line

    where = f"live={arguments.live}"
    if arguments.stage == "canary":
        text = f"{arguments.candidate} answers {live.share:.0%} of the sessions"
    elif arguments.stage == "all":
        text = f"{arguments.candidate} answers everybody"
    else:
        asked = f"is asked {live.shadow_share:.0%} of the requests, too"
        text = f"{arguments.candidate} {asked}, and nobody sees its lists"
    print_line(console(), "promoted", f"{text} (version {live.version})")
    if live.previous or live.canary:
        print_line(console(), "back", command("promote", where, "rollback=true"))


def main() -> None:
    """Read the arguments and promote."""
    with plain_errors():
        status = promote_bundle(parse(Arguments, sys.argv[1:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
