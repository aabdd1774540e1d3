"""The program ``seqrec``: run a command (a module of ``seqrec/commands``)."""

import ast
import sys
from importlib import import_module
from pathlib import Path

from seqrec import __version__
from seqrec.config.check.mistakes import unknown
from seqrec.errors import ConfigError
from seqrec.terminal.errors import plain_errors

COMMANDS = Path(__file__).resolve().parent / "commands"


def main() -> None:
    """Run the command that the first argument names; without one, list the commands."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("--help", "-h"):
        print(usage())
        return
    if name == "--version":
        print(f"seqrec {__version__}")
        return
    with plain_errors():
        if name not in commands():
            raise ConfigError(
                f"{name}: {unknown(name, commands(), noun='commands')}",
                todo="write seqrec COMMAND key=value ...; seqrec --help lists the commands",
            )
    module = import_module(f"seqrec.commands.{name}")
    sys.argv[1:] = arguments
    # a run on several devices starts its further processes under this name
    sys.modules["__main__"].__spec__ = module.__spec__
    module.main()


def commands() -> dict[str, str]:
    """Return a description of each command: the first line of its module, which isn't imported."""
    trees = {file.stem: ast.parse(file.read_text()) for file in sorted(COMMANDS.glob("[a-z]*.py"))}
    return {
        name: (ast.get_docstring(tree) or "").partition("\n")[0] for name, tree in trees.items()
    }


def usage() -> str:
    """Return the list of commands."""
    width = max(map(len, commands()))
    lines = [f"  {name:<{width}}  {does}" for name, does in commands().items()]
    return "\n".join(
        [
            "seqrec: attention-based sequential recommendation, one command per experiment.",
            "",
            "  seqrec COMMAND key=value ...",
            "  seqrec COMMAND --help",
            "",
            *lines,
        ]
    )


if __name__ == "__main__":
    main()
