"""Estimate from a log what another policy, or another model, would have earned."""

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.clock import instant, iso_time
from seqrec.config.cli.script import PAIRS, argument_names, parse
from seqrec.disk.writable import check_file
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError, DataError
from seqrec.terminal.console import console, print_line, print_whole
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    import polars as pl

    from seqrec.estimator import Estimator
    from seqrec.offpolicy import Study, Target
    from seqrec.policy import Policy

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
ESTIMATORS = ["snips", "rips", "cascade_dr", "delta"]
DAYS = 14  # the latest, in the terminal
MINUTE = 60_000
OF_POLICY = "policy."


@dataclass
class Arguments:
    """Estimate from a log what another policy, or another model, would have earned.

    python scripts/offpolicy.py log=outputs/serving/log target=new_bundle
    python scripts/offpolicy.py log=outputs/serving/log policy=plackett_luce policy.temperature=0.5
    python scripts/offpolicy.py log=outputs/serving/log target=new_bundle policy=greedy out=a.html
    python scripts/offpolicy.py log=outputs/serving/log target=new_bundle estimators='[dr, delta]'
    """

    log: Path  # the folder of a log
    target: Path | None = None  # a bundle that scores instead; default: the logged scores
    policy: str | None = None  # a file of configs/policy; default: the policy of the log
    estimators: list[str] = field(default_factory=lambda: [*ESTIMATORS])  # configs/estimator
    options: dict[str, str] = OPTIONS  # keys: policy.temperature=0.5, tau=5, delta.of=snips
    candidates: str = "own"  # own: the target's best of the catalogue; logged: those of the log
    bundle: str | None = None  # sha of the bundle whose slates count; default: the most frequent
    event: str = "click"  # what an outcome has to be to count
    window: float = 30.0  # minutes from a slate to an outcome that still counts
    since: str | None = None  # ISO time from which slates count
    until: str | None = None  # ISO time until which they do
    seed: int = 0  # of the slates that some estimators draw
    format: str = "text"  # text | json
    out: Path | None = None  # write the answer to a file: .json or .html


def offpolicy(arguments: Arguments) -> None:
    """Check the arguments, read the log, estimate, and show."""
    check(arguments)
    policy, estimators = chosen(arguments)
    if arguments.target is None and arguments.policy is None:
        raise ConfigError(
            "nothing differs from what was shown",
            where="arguments",
            todo="name a bundle or a policy: target=FOLDER or policy=greedy",
        )
    since, until = instant(arguments.since, where="since"), instant(arguments.until, where="until")
    from seqrec.feedback import attribute, read_log
    from seqrec.offpolicy import study

    if arguments.out is not None and arguments.out.suffix == ".html":
        from seqrec.pages.page import check_packages

        check_packages(instead="out=offpolicy.json")
    feedback = read_log(arguments.log)
    window = round(arguments.window * MINUTE)
    slates, outcomes = attribute(feedback, window=window, event=arguments.event)
    slates = within(slates, since, until, arguments)
    found = study(
        slates,
        target_of(arguments, policy),
        estimators,
        bundle=arguments.bundle,
        seed=arguments.seed,
    )
    content = {
        "log": str(arguments.log),
        "target": name_of(arguments),
        "lines": feedback.counts,
        "outcomes": outcomes,
        **found.plain(),
    }
    write(arguments, content)
    if arguments.format == "json":
        print(json.dumps(content))
    else:
        show(found, content)
        if arguments.out is not None:
            print_line(console(), "written", str(arguments.out))


def check(arguments: Arguments) -> None:
    """Refuse arguments that are wrong by themselves.

    Raises:
        ConfigError: they are.
    """
    choices = {"format": ("text", "json"), "candidates": ("own", "logged")}
    for key, allowed in choices.items():
        if getattr(arguments, key) not in allowed:
            raise ConfigError(
                f"{key}={getattr(arguments, key)} is unknown", todo=f"choose {' or '.join(allowed)}"
            )
    if not 0 < arguments.window < math.inf:
        raise ConfigError(f"window={arguments.window}: must be above 0", todo="write window=30")
    if arguments.seed < 0:
        raise ConfigError(f"seed={arguments.seed}: must be at least 0", todo="write seed=0")
    if not arguments.estimators:
        raise ConfigError("estimators=[] names none", todo="write estimators='[snips, delta]'")
    of_policy = [key for key in arguments.options if key.startswith(OF_POLICY)]
    if of_policy and arguments.policy is None:
        raise ConfigError(
            f"{of_policy[0]} is a key of a policy, and none is chosen",
            where="policy",
            todo=f"write policy=plackett_luce {of_policy[0]}={arguments.options[of_policy[0]]}",
        )
    out = arguments.out
    if out is not None and out.suffix not in (".json", ".html"):
        raise ConfigError(f"out={out}: unsupported file type", todo="use .json or .html")
    if out is not None:
        check_file(out, key="out", example="offpolicy.html")


def chosen(arguments: Arguments) -> tuple["Policy | None", dict[str, "Estimator"]]:
    """Return the target's policy and the estimators.

    Raises:
        ConfigError: there are none of these names, or their keys don't fit.
    """
    from seqrec.estimator import ESTIMATORS as CHOICE
    from seqrec.policy import POLICIES

    mine = {k: v for k, v in arguments.options.items() if k.startswith(OF_POLICY)}
    others = {k: v for k, v in arguments.options.items() if k not in mine}
    names = [arguments.policy] if arguments.policy else []
    options = {key.removeprefix(OF_POLICY): value for key, value in mine.items()}
    policies = POLICIES.build(POLICIES.settings_of(names, options))
    beside = argument_names(Arguments)
    estimators = CHOICE.build(CHOICE.settings_of(arguments.estimators, others, beside=beside))
    return next(iter(policies.values()), None), estimators


def target_of(arguments: Arguments, policy: "Policy | None") -> "Target":
    """Return what might be shown instead."""
    from seqrec.offpolicy import Target

    if arguments.target is None:
        return Target(policy)
    from seqrec.bundle import Bundle

    return Target(policy, Bundle.open(arguments.target), own=arguments.candidates == "own")


def within(
    slates: "pl.DataFrame", since: int | None, until: int | None, arguments: Arguments
) -> "pl.DataFrame":
    """Keep the slates of a span; their outcomes may come later.

    Raises:
        DataError: there are none in it.
    """
    import polars as pl

    kept = slates
    if since is not None:
        kept = kept.filter(pl.col("time") >= since)
    if until is not None:
        kept = kept.filter(pl.col("time") < until)
    if kept.is_empty() and len(slates):
        ordered = slates["time"].sort()
        first, last = iso_time(ordered[0]), iso_time(ordered[-1])
        raise DataError(
            f"no slate was shown then; those of the log are from {first} to {last}",
            where=f"since={arguments.since} until={arguments.until}",
            todo=f"write since={first}",
        )
    return kept


def name_of(arguments: Arguments) -> str:
    """Return in words what might be shown instead."""
    options = {k: v for k, v in arguments.options.items() if k.startswith(OF_POLICY)}
    settings = "".join(f" {key.removeprefix(OF_POLICY)}={value}" for key, value in options.items())
    policy = f"{arguments.policy}{settings}" if arguments.policy else "the logged policy"
    return f"{arguments.target or 'the logged scores'}, {policy}"


def write(arguments: Arguments, content: dict[str, Any]) -> None:
    """Write the answer to a file, if one is asked for, atomically."""
    out = arguments.out
    if out is not None and out.suffix == ".html":
        from seqrec.offpolicy.show.page import write_study

        write_study(out, content)
    elif out is not None:
        write_file(out, json.dumps(content, indent=2) + "\n")


def show(found: "Study", content: dict[str, Any]) -> None:
    """Print the estimates, what they rest on, and the latest days."""
    out = console()
    margin = 1.96 * found.facts["production_error"]
    print_line(out, "target", content["target"])
    print_line(
        out,
        "logged",
        f"{content['slates']:,} slates of {content['sessions']:,} sessions, "
        f"which earned {content['production']:.4f} ± {margin:.4f} each",
    )
    table = Table()
    for column in ("estimator", "value", "95 %", "effective", "says"):
        table.add_column(column, right=column in ("value", "95 %", "effective"))
    for row in found.rows:
        sign = "+" if row.difference else ""
        interval = f"{row.low:{sign}.4f} to {row.high:{sign}.4f}"
        values = f"{row.value:{sign}.4f}", interval, f"{row.effective:,.0f}"
        table.add_row(row.estimator, *values, row.says)
    print_whole(out, table)
    weights = content["weights"]
    print_line(
        out,
        "log",
        f"support {content['support']:.1%}, overlap {content['overlap']:.1%}; weights of slates: "
        f"mean {weights['mean']:.2f}, 99 % up to {weights['quantile_99']:.1f}, "
        f"largest {weights['largest']:,.1f}",
    )
    clips = [
        f"{clip['value']:.4f} ({'none' if clip['most'] is None else format(clip['most'], '.0f')})"
        for clip in found.clips
    ]
    print_line(out, "clipped", f"by largest weight: {', '.join(clips)}")
    for label, counts in (("lines", content["lines"]), ("outcomes", content["outcomes"]),
                          ("left out", content["left_out"])):  # fmt: skip
        there = [
            f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number
        ]
        if there:
            print_line(out, label, ", ".join(there))
    print_whole(out, slices_table(found.slices, found.rows[0].estimator))
    print_whole(out, days_table(found.days[-DAYS:], found.rows[0].estimator))


def slices_table(slices: list[dict[str, Any]], estimator: str) -> Table:
    """Return a table of slices: what an estimator says of each by itself."""
    table = Table()
    numbers = ("slates", "production", estimator, "effective")
    for column in ("by", "slice", *numbers, "says"):
        table.add_column(column, right=column in numbers)
    before = ""
    for row in slices:
        value = f"{row['value']:.4f} ± {(row['high'] - row['low']) / 2:.4f}"
        counts = f"{row['slates']:,}", f"{row['production']:.4f}", value, f"{row['effective']:,.0f}"
        by, before = "" if row["by"] == before else row["by"], row["by"]
        table.add_row(by, row["slice"], *counts, row["says"])
    return table


def days_table(days: list[dict[str, Any]], estimator: str) -> Table:
    """Return a table of days: slates, what they earned, what the target would have."""
    table = Table()
    for column in ("day (UTC)", "slates", "production", estimator):
        table.add_column(column, right=column != "day (UTC)")
    for day in days:
        if not day["slates"]:
            table.add_row(day["day"], "0", "", "")
            continue
        value = f"{day['value']:.4f} ± {day['margin']:.4f}"
        table.add_row(day["day"], f"{day['slates']:,}", f"{day['production']:.4f}", value)
    return table


def main() -> None:
    """Read the arguments and estimate."""
    with plain_errors():
        offpolicy(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
