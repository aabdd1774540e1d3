"""Mistakes are collected, not raised one by one, and say what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

from seqrec.errors import ConfigError
from seqrec.home import command


def refuse(
    mistakes: Iterable[str],
    *,
    todo: str | None = None,
) -> None:
    """Raise all mistakes as one error; without any, return.

    Args:
        mistakes: a line each.
        todo: what to do; None: correct them, with the help of ``train``.

    Raises:
        ConfigError: it lists every different mistake once.
    """
    different = list(dict.fromkeys(mistakes))
    if not different:
        return
    count = "a mistake" if len(different) == 1 else f"{len(different)} mistakes"
    lines = "\n".join(f"  {mistake}" for mistake in different)
    todo = todo or f"correct the above; {command('train', '--help')} lists groups and keys"
    raise ConfigError(f"The configuration has {count}:\n{lines}", todo=todo)


def unknown(
    name: str,
    known: Iterable[str],
    *,
    prefix: str = "",
    noun: str = "allowed",
    elsewhere: Iterable[str] = (),
) -> str:
    """Describe a name that isn't known: the nearest spelling, then all that are.

    Args:
        name: what was written.
        known: what could have been written.
        prefix: put before the nearest spelling, for example ``head.``.
        noun: what the known names are called.
        elsewhere: places where exactly this name is known; they are proposed first.
    """
    names = sorted(known)
    near = [prefix + n for n in get_close_matches(name, names, n=1, cutoff=0.6)]
    meant = next(iter([*elsewhere, *near]), None)
    proposal = f", did you mean {meant}?" if meant else ""
    return f"unknown{proposal} ({noun}: {', '.join(names) or 'none'})"


def reason(error: Exception) -> str:
    """The first sentence of an error of Hydra's or OmegaConf's, with that of its cause."""
    told = [
        str(e).strip().splitlines()[0] for e in (error, error.__cause__) if e and str(e).strip()
    ]
    return ": ".join(told)
