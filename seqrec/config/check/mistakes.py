"""Collect mistakes into one error, and suggest what was probably meant."""

from collections.abc import Iterable

from seqrec.config.check.meant import meant
from seqrec.errors import ConfigError
from seqrec.home import command


def refuse(
    mistakes: Iterable[str],
    *,
    todo: str | None = None,
) -> None:
    """Raise one error that lists all mistakes; return if there are none.

    Args:
        mistakes: one line each.
        todo: how to fix them; None: correct them, with the help of ``train``.

    Raises:
        ConfigError: there are mistakes; it lists each of them once.
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
    keys: Iterable[str] = (),
) -> str:
    """Describe an unknown name: suggest the nearest spelling, then list all known names.

    Args:
        name: what was written.
        known: what could have been written.
        prefix: text before the nearest spelling, for example ``head.``.
        noun: what to call the known names.
        keys: paths of keys elsewhere, of which one may be meant.
    """
    names = sorted(known)
    likely = " or ".join(meant(name, names, prefix=prefix, keys=keys))
    proposal = f", did you mean {likely}?" if likely else ""
    return f"unknown{proposal} ({noun}: {', '.join(names) or 'none'})"


def reason(error: Exception) -> str:
    """Return the first line of an error of Hydra or OmegaConf, with that of its cause."""
    if "is not a ListConfig" in str(error):
        return "must be a list, as [a,b]"
    lines = [
        str(e).strip().splitlines()[0] for e in (error, error.__cause__) if e and str(e).strip()
    ]
    return ": ".join(lines)
