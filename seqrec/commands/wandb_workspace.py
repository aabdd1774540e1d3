"""Make a saved workspace view and a report in Weights & Biases for a group of runs."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from typing import Any

from seqrec.comparison.show.workspace import report, workspace
from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError
from seqrec.home import install
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors


@dataclass
class Arguments:
    """Make a workspace view and a report of a group of runs; needs an API key.

    python scripts/wandb_workspace.py group=movielens_100k/adhoc
    python scripts/wandb_workspace.py group=attention metric=hit_rate@20 dry_run=true
    """

    group: str | None = None  # group of the runs, as shown in W&B; default: all runs of the project
    metric: str = "ndcg@10"  # metric to sort by and to plot
    project: str = "seqrec"  # project of the runs
    entity: str | None = None  # user or team; default: yours
    dry_run: bool = False  # print both as JSON and send nothing; needs no key


def make(arguments: Arguments) -> None:
    """Build the view and the report, then print or save them."""
    if importlib.util.find_spec("wandb_workspaces") is None:
        raise ConfigError(
            "the package wandb-workspaces isn't installed",
            todo=install("workspaces"),
        )
    entity = arguments.entity
    if not arguments.dry_run:
        entity = entity or _default_entity()
    options: dict[str, Any] = {
        "entity": entity or "ENTITY",
        "project": arguments.project,
        "group": arguments.group,
        "metric": arguments.metric,
    }
    view, text = workspace(**options), report(**options)
    if arguments.dry_run:
        plain = {"workspace": written(view), "report": written(text)}
        print(json.dumps(plain, indent=2))
        return
    try:
        view.save()
        text.save(draft=True)
    except Exception as error:  # of the network, the key, the server
        raise ConfigError(
            f"W&B refused: {str(error).splitlines()[0]}",
            where=f"{options['entity']}/{arguments.project}",
            todo="check the key (wandb login) and the names; dry_run=true prints what is sent",
        ) from error
    print_line(console(), "view", view.url)
    print_line(console(), "report", f"{text.url} (a draft)")


def written(spec: Any) -> Any:
    """Return a spec of wandb-workspaces as plain values, without fields that aren't set."""
    from pydantic import TypeAdapter

    return TypeAdapter(type(spec)).dump_python(spec, mode="json", exclude_none=True)


def _default_entity() -> str:
    from seqrec.logger.wandb import has_api_key

    if not has_api_key():
        raise ConfigError("W&B: no API key found", todo="run wandb login, or use dry_run=true")
    import wandb

    try:
        found = wandb.Api(timeout=15).default_entity
    except Exception as error:  # of the network, the key, the server
        raise ConfigError(
            f"W&B can't name your account: {str(error).splitlines()[0]}", todo="set entity="
        ) from error
    if not found:
        raise ConfigError("your W&B account has no default entity", todo="set entity=")
    return found


def main() -> None:
    """Read the arguments and make the view and the report."""
    with plain_errors():
        make(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
