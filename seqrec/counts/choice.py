"""Settings of a baseline that validation chooses: without it a baseline is easily made weak."""

from collections.abc import Callable, Sequence

from seqrec.errors import ConfigError

Judge = Callable[[str], float]
"""What validation says of the counts as they are; it is told which option is in use."""


def check_options(key: str, options: Sequence[float], least: float, most: float) -> None:
    """Refuse a list that is empty, or has a value not above `least` or beyond `most`.

    Raises:
        ConfigError: it names the key.
    """
    if not options or not all(least < value <= most for value in options):
        raise ConfigError(
            f"{key}={list(options)}: values lie above {least:g} and up to {most:g}",
            where=f"baseline.{key}",
        )


def choose(
    key: str, options: Sequence[float], take: Callable[[float], object], judge: Judge
) -> None:
    """Take the option that validation likes best; of equal ones the first.

    Args:
        key: the setting, such as ``decays``.
        options: at least one.
        take: makes an option the one in use.
        judge: the monitored metric on validation; it isn't asked where there is no choice.
    """
    if len(options) > 1:
        values = []
        for option in options:
            take(option)
            values.append(judge(f"{key}={option:g}"))
        take(options[values.index(max(values))])
    else:
        take(options[0])
