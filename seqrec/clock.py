"""Convert points in time between text and milliseconds."""

from datetime import UTC, datetime

from seqrec.errors import ConfigError


def instant(given: str | int | None, *, where: str) -> int | None:
    """Return an ISO date or time (UTC unless it has a zone) in milliseconds since 1970.

    20231118 and the year 2023 are accepted, too.

    Raises:
        ConfigError: it isn't one; the message names `where`.
    """
    if given is None:
        return None
    text = str(given)
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} isn't an ISO date or time",
            where=where,
            todo=f"write it as {where}=2014-07-22",
        ) from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1000)


def iso_time(ms: int) -> str:
    """Return a time in milliseconds as an ISO date or time (UTC), as short as possible."""
    import numpy as np  # handles dates before the year 1; too slow to import for every command

    text = np.datetime64(ms, "ms").astype(str)
    return str(text).removesuffix(".000").removesuffix("T00:00:00")
