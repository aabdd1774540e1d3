"""Train and evaluate one model, or sweep over many."""

import sys

import hydra
from omegaconf import DictConfig

from seqrec.config.cli.command_line import check_command_line
from seqrec.config.schema import register
from seqrec.experiment.job import run_job
from seqrec.experiment.sweep import FAILED, summarise_begun
from seqrec.home import CONFIGS, command
from seqrec.machine.process import is_first_process
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.say import say
from seqrec.terminal.stop import status_of, terminable


@hydra.main(version_base="1.3", config_path=str(CONFIGS), config_name="train")
def train(config: DictConfig) -> float | None:
    """Run one job."""
    return run_job(config)


def interrupted(argv: list[str]) -> str:
    """Return how to continue after Ctrl-C or SIGTERM."""
    if {"-m", "--multirun"} & set(argv):
        text = "stopped; the same command skips finished jobs and resumes the others"
        return f"{text}: {command('train', *argv)}"
    given = [argument for argument in argv if not argument.startswith("resume=")]
    return f"stopped; continue with: {command('train', *given, 'resume=auto')}"


def main() -> None:
    """Check the command line, then hand over to Hydra."""
    given = sys.argv[1:]
    register()
    try:
        with terminable():
            with plain_errors():
                sys.argv[1:] = check_command_line(given, config_dir=CONFIGS)
            train()
    except (KeyboardInterrupt, SystemExit) as end:
        cause = end.__context__ or end  # Lightning turns Ctrl-C into its own exit
        if not isinstance(cause, KeyboardInterrupt):
            raise
        if is_first_process():
            summarise_begun()
            say(interrupted(given))
        sys.exit(status_of(cause))
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
