"""Where seqrec lies, in a checkout or as a wheel installed it, and how it was started."""

import re
import shlex
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parent  # the checkout; of a wheel: the folder that packages are installed into
IN_WHEEL = PACKAGE / "configs"
CONFIGS = IN_WHEEL if IN_WHEEL.is_dir() else PROJECT / "configs"
DOOR = re.compile(r"\bpython (?:scripts/)?(\w+)\.py\b")


def command(name: str, *arguments: str) -> str:
    """Return a command line as the user types it.

    It is ``python train.py ...`` or ``python scripts/<name>.py ...`` in a checkout, and
    ``seqrec <name> ...`` where that started this program or where there is no checkout.

    Args:
        name: a module of ``seqrec/commands``.
        arguments: what follows it; they are quoted for a shell where they need it.
    """
    door = "train.py" if name == "train" else f"scripts/{name}.py"
    through_seqrec = Path(sys.argv[0]).stem in ("seqrec", "__main__")
    if through_seqrec or CONFIGS == IN_WHEEL:
        return shlex.join(["seqrec", name, *arguments])
    return shlex.join(["python", door, *arguments])


def as_started(text: str) -> str:
    """Return a text with its ``python train.py`` and ``python scripts/...`` as the user types them.

    Args:
        text: a usage, a help or a message.
    """
    return DOOR.sub(lambda found: command(found[1]), text)
