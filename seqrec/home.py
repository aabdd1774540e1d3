"""Where seqrec is installed (a checkout or a wheel), and how it was started."""

import re
import shlex
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent  # the checkout; for a wheel, the folder of installed packages
IN_WHEEL = PACKAGE / "configs"
CONFIGS = IN_WHEEL if IN_WHEEL.is_dir() else PROJECT / "configs"
DOOR = re.compile(r"\bpython (?:scripts/)?(\w+)\.py\b")


def command(name: str, *arguments: str) -> str:
    """Return a command line as the user types it.

    It is ``python train.py ...`` or ``python scripts/<name>.py ...`` in a checkout, and
    ``seqrec <name> ...`` if that started this program or there is no checkout.

    Args:
        name: a module of ``seqrec/commands``.
        arguments: its arguments; they are quoted for a shell where necessary.
    """
    door = "train.py" if name == "train" else f"scripts/{name}.py"
    through_seqrec = Path(sys.argv[0]).stem in ("seqrec", "__main__")
    if through_seqrec or CONFIGS == IN_WHEEL:
        return shlex.join(["seqrec", name, *arguments])
    return shlex.join(["python", door, *arguments])


def install(extra: str) -> str:
    """Return the command that installs an extra of this project, with the versions it pins."""
    if CONFIGS == IN_WHEEL:
        return f"pip install 'seqrec[{extra}]'"
    return f"pip install -c requirements.lock -e '.[{extra}]'"


def as_started(text: str) -> str:
    """Replace ``python train.py`` and ``python scripts/...`` by what the user types.

    Args:
        text: a usage, a help text or a message.
    """
    return DOOR.sub(lambda found: command(found[1]), text)
