"""Points in time: as they stand in a configuration, in milliseconds, and as text again."""

from datetime import UTC, datetime

from seqrec.errors import ConfigError


def instant(given: str | int | None, *, where: str) -> int | None:
    """An ISO date or time (UTC where no zone is given) of the configuration, in milliseconds.

    20231118 and the year 2023 will do, too.

    Raises:
        ConfigError: it is neither; it names `where`.
    """
    if given is None:
        return None
    text = str(given)
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no ISO date or time", where=where, todo=f"write it as {where}=2014-07-22"
        ) from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1000)


def iso_time(ms: int) -> str:
    """Return a time in milliseconds as an ISO date or time (UTC), as short as it can be said."""
    import numpy as np  # knows dates before the year 1; a command line is checked without it

    text = np.datetime64(ms, "ms").astype(str)
    return str(text).removesuffix(".000").removesuffix("T00:00:00")
