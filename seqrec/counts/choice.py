"""Choice of baseline settings on validation, as an untuned baseline is too easy to beat."""

from collections.abc import Callable, Sequence

from seqrec.errors import ConfigError

Judge = Callable[[str], float]
"""Returns the validation metric of the current counts; its argument names the option in use."""


def check_options(key: str, options: Sequence[float], least: float, most: float) -> None:
    """Check that a list isn't empty and that its values are in ``least < value <= most``.

    Raises:
        ConfigError: the check fails.
    """
    if not options or not all(least < value <= most for value in options):
        raise ConfigError(
            f"{key}={list(options)} must list values above {least:g} and up to {most:g}",
            where=f"baseline.{key}",
        )


def choose(
    key: str, options: Sequence[float], take: Callable[[float], object], judge: Judge
) -> None:
    """Use the option with the best validation metric, the first of equal ones.

    Args:
        key: the setting, such as ``decays``.
        options: at least one.
        take: puts an option in use.
        judge: returns the monitored metric on validation; not called for a single option.
    """
    if len(options) > 1:
        values = []
        for option in options:
            take(option)
            values.append(judge(f"{key}={option:g}"))
        take(options[values.index(max(values))])
    else:
        take(options[0])
