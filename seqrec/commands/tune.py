"""Search good settings of a model in many trials, judged on validation only."""

import importlib.util
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.check.mistakes import unknown
from seqrec.config.cli.script import PAIRS, parse
from seqrec.errors import ConfigError
from seqrec.home import CONFIGS, IN_WHEEL, command, install
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.say import say
from seqrec.terminal.stop import status_of, terminable
from seqrec.terminal.table import Table
from seqrec.tune import COSTS, DRIVER, POSTGRES, PRUNERS, hide_password

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from optuna import Study
    from optuna.trial import FrozenTrial

    from seqrec.tune.study import Search

SPACES = CONFIGS / "tune"


@dataclass
class Arguments:
    """Search good settings of a model; also takes every key of train.py.

    python scripts/tune.py model=sasrec trials=30
    python scripts/tune.py model=lstm_attn data=amazon space=rnn trials=50
    python scripts/tune.py model=sasrec also=parameters
    """

    space: str = "default"  # what to vary: a file of configs/tune, or the path of one
    trials: int = 20  # finished trials in total; rerun to continue, raise it to extend
    study: str | None = None  # name of the study; default: model and space
    also: str | None = None  # second objective, to minimise: parameters | fit_seconds
    pruner: str = "median"  # stops hopeless trials early: median | hyperband | none
    storage: str | None = None  # URL of a database for several machines; default: a file
    heartbeat: int = 60  # seconds between signs of life there; a trial without two has died
    search_seed: int = 0  # seed of the search; seed= is that of the training
    overrides: dict[str, str] = field(default_factory=dict, metadata=PAIRS)  # of train.py


def tune(arguments: Arguments) -> None:
    """Check the arguments, run the trials, and print the best."""
    if arguments.trials < 1:
        raise ConfigError(f"trials={arguments.trials}: must be at least 1", todo="write trials=20")
    if arguments.heartbeat < 1:
        raise ConfigError(
            f"heartbeat={arguments.heartbeat}: must be at least 1 second", todo="write heartbeat=60"
        )
    if not 0 <= arguments.search_seed < 2**32:
        raise ConfigError(
            f"search_seed={arguments.search_seed}: must be from 0 to {2**32 - 1}",
            todo="write search_seed=0",
        )
    for name, allowed in (("also", COSTS), ("pruner", PRUNERS)):
        value = getattr(arguments, name)
        if value is not None and value not in allowed:
            raise ConfigError(f"{name}={value}: {unknown(value, allowed)}")
    needed = [("optuna", "tune"), ("plotly", "tune"), ("jinja2", "tune")]
    if (arguments.storage or "").startswith(POSTGRES):
        needed.append((DRIVER, POSTGRES))
    for package, extra in needed:
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"tuning needs the package {package}, which isn't installed",
                todo=install(extra),
            )
    from seqrec.tune.space import Space

    space = Space.load(arguments.space, SPACES)
    given = [f"{key}={value}" for key, value in arguments.overrides.items()]
    own = vars(arguments).keys() - {"overrides"}
    clash = [key for key in space.varied if key in arguments.overrides]
    if clash:
        raise ConfigError(
            f"{clash[0]} is set, but the space {space.name} varies it",
            todo=f"leave {clash[0]} out, or write a space without it",
        )

    from seqrec.experiment.python import composed

    for corner in space.corners():  # report an unknown key before the first trial
        composed([*given, *corner], options=own)
    from seqrec.tune.page import write_study
    from seqrec.tune.study import open_study, work

    search = _search(arguments, space, given)
    study, out = open_study(search), console()
    print_line(
        out,
        "study",
        f"{search.name} in {search.folder}: {search.monitor}, {arguments.trials} trials",
    )
    ended = len(_ended(study))
    if study.trials:
        print_line(out, "resumed", f"{ended} trials are finished")
    columns = ("trials", "bar", "counted", "elapsed")
    with progress_bar(*columns, out=out, disable=not out.is_terminal) as progress:
        task = progress.add_task("", total=arguments.trials, completed=ended)

        def report(trial: "FrozenTrial") -> None:
            progress.console.print(_line(trial, search), soft_wrap=True)
            progress.update(task, completed=len(_ended(study)))

        work(study, search, arguments.trials, report)
    if not study.best_trials:
        raise ConfigError(
            "no trial finished: all were pruned",
            where=str(search.folder),
            todo="raise trials, or use pruner=none study=ANOTHER_NAME",
        )
    write_study(search.folder / "study.html", study, search)
    _conclude(study, search, given)


def _search(arguments: Arguments, space: Any, given: list[str]) -> "Search":
    from seqrec.build import build_gains
    from seqrec.config.compose import to_values
    from seqrec.config.meaning import values_of
    from seqrec.config.typed import typed
    from seqrec.experiment.python import composed
    from seqrec.experiment.run import prepare_data
    from seqrec.ranking.metrics import higher_is_better
    from seqrec.tune.study import Search

    made = composed(given)
    root, choices = typed(made.config), made.choices
    name = arguments.study or f"{choices['model']}_{space.name}"
    agreed = {
        "space": space.plain(),
        "configuration": values_of(to_values(made.config)),
        "data": prepare_data(root).data_hash,
        "objectives": [root.evaluation.monitor, arguments.also],
    }
    return Search(
        name=name,
        folder=Path(root.paths.output_dir) / choices["data"] / "tune" / name,
        compose=lambda values: composed([*given, *values]).config,
        space=space,
        monitor=f"valid/{root.evaluation.monitor}",
        larger_is_better=higher_is_better(root.evaluation.monitor, build_gains(root)),
        also=arguments.also,
        pruner=arguments.pruner,
        storage=arguments.storage,
        heartbeat=arguments.heartbeat,
        seed=arguments.search_seed,
        agreed=agreed,
    )


def _ended(study: "Study") -> list["FrozenTrial"]:
    from seqrec.tune.study import ENDED

    return study.get_trials(deepcopy=False, states=ENDED)


def _line(trial: "FrozenTrial", search: "Search") -> str:
    """Return a line that describes a trial."""
    values = trial.user_attrs.get("values", {})
    settings = "  ".join(f"{key}={value}" for key, value in values.items())
    outcome, state = trial.user_attrs.get("outcome"), trial.state.name.lower()
    if outcome:
        result = f"{outcome['value']:.4f} in epoch {outcome['epoch']} of {outcome['epochs']}"
        result += f", {outcome['fit_seconds']:.0f} s"
    elif trial.intermediate_values:
        epoch = max(trial.intermediate_values)
        result = f"{state} in epoch {epoch} at {trial.intermediate_values[epoch]:.4f}"
    else:
        result = f"{state}: {trial.user_attrs.get('error', '')}"
    return f"trial {trial.number:>3}  {result}  {settings}"


def _conclude(study: "Study", search: "Search", given: list[str]) -> None:
    """Print the best trials, write the recipe, and print the next command."""
    from seqrec.experiment.python import composed
    from seqrec.machine.hardware import find_hardware
    from seqrec.tune.recipe import beside_recipe, searching, write_recipe
    from seqrec.tune.space import overrides

    out = console()
    best = sorted(study.best_trials, key=lambda t: t.values[0], reverse=search.larger_is_better)
    shown = best if search.also else _leaders(study, search)
    out.print(_table(shown, search, title="Pareto front" if search.also else "best trials"))
    winner = best[0]
    outcome, values = winner.user_attrs["outcome"], winner.user_attrs["values"]
    extra = beside_recipe(given)
    where = searching(search.folder, given)
    again = ("-m", where, f"experiment={search.name}", *extra, "seed=1,2,3")
    own_data = [each for each in extra if each.startswith("data.")]
    device = find_hardware("auto", "auto").device
    head = [
        f"Trial {winner.number}, best of {len(_ended(study))} in the space {search.space.name}.",
        "  " + command("train", "-m", f"experiment={search.name}", *own_data, "seed=1,2,3"),
        f"{search.monitor} {outcome['value']:.4f} with one seed, chosen on validation; not tested.",
        f"{outcome['fit_seconds']:.0f} s of training ({device}); data hash "
        f"{search.agreed['data'][:12]}.",
    ]
    recipe = write_recipe(
        search.folder, search.name, [*given, *overrides(values)], compose=composed, head=head
    )
    copy = shlex.join(["cp", str(recipe), "configs/experiment/"])
    print_line(out, "best", f"{search.monitor} {outcome['value']:.4f}, trial {winner.number}")
    print_line(out, "plots", str(search.folder / "study.html"))
    keep = "" if CONFIGS == IN_WHEEL else f"; to keep it: {copy}"
    print_line(out, "recipe", f"{recipe}{keep}")
    print_line(out, "next", command("train", *again))


def _leaders(study: "Study", search: "Search") -> list["FrozenTrial"]:
    done = [trial for trial in study.trials if trial.values]
    done = [trial for trial in done if trial.user_attrs.get("outcome")]
    return sorted(done, key=lambda t: t.values[0], reverse=search.larger_is_better)[:5]


def _table(trials: list["FrozenTrial"], search: "Search", *, title: str) -> Table:
    table = Table(title)
    keys = list(search.space.varied)
    for name in ("trial", search.monitor, "parameters", "fit s", *keys):
        table.add_column(name, right=True, min_width=len(name))
    for trial in trials:
        outcome, values = trial.user_attrs["outcome"], trial.user_attrs["values"]
        table.add_row(
            str(trial.number),
            f"{outcome['value']:.4f}",
            f"{outcome['parameters']:,}",
            f"{outcome['fit_seconds']:.0f}",
            *(str(values[key]) for key in keys),
        )
    return table


def main() -> None:
    """Read the arguments and search; Ctrl-C and SIGTERM lose no finished trial."""
    try:
        with terminable(), plain_errors():
            tune(parse(Arguments, sys.argv[1:]))
    except (KeyboardInterrupt, SystemExit) as end:
        cause = end.__context__ or end  # Lightning turns Ctrl-C into its own exit
        if not isinstance(cause, KeyboardInterrupt):
            raise
        say(f"stopped; continue with: {hide_password(command('tune', *sys.argv[1:]))}")
        sys.exit(status_of(cause))


if __name__ == "__main__":
    main()
