"""The search that W&B leads: what its agent would type composes and logs what it looks for."""

import pytest
import yaml
from helpers import CONFIGS, ROOT
from helpers.commands import composed

from seqrec.config.cli.command_line import check_command_line

SWEEP = yaml.safe_load((CONFIGS / "wandb_sweep.yaml").read_text())


def typed_by_agent(values: dict) -> list[str]:
    """The command of an agent, made by W&B's own code as its agent makes it."""
    from wandb.sdk.launch.sweeps.utils import create_sweep_command, create_sweep_command_args

    given = {"args": {name: {"value": value} for name, value in values.items()}}
    arguments = create_sweep_command_args(given)
    names = {"${env}": ["/usr/bin/env"], "${interpreter}": ["python"]}
    names |= {"${program}": [SWEEP["program"]]}
    names["${args_no_hyphens}"] = arguments["args_no_hyphens"]
    command = create_sweep_command(SWEEP["command"])
    return [word for part in command for word in names.get(part, [part])]


@pytest.mark.parametrize("last", [False, True])
def test_what_the_agent_types_composes(last):
    values = {
        name: space["values"][-last] if "values" in space else space["max" if last else "min"]
        for name, space in SWEEP["parameters"].items()
    }
    env, python, program, *arguments = typed_by_agent(values)
    assert (env, python) == ("/usr/bin/env", "python") and (ROOT / program).is_file()
    assert check_command_line(arguments, config_dir=CONFIGS) == arguments
    config, choices = composed(*arguments)
    assert config.optimizer.lr == values["optimizer.lr"] and choices["model"] == values["model"]
    assert choices["logger"] == "wandb"


def test_it_looks_for_the_metric_that_picks_checkpoints():
    config, _ = composed(*(word for word in SWEEP["command"] if word[0] != "$"))
    assert SWEEP["metric"] == {
        "name": f"valid/{config.evaluation.monitor}",
        "goal": "maximize",
    }
    assert SWEEP["method"] in ("grid", "random", "bayes")
