"""Times in any common unit to milliseconds since 1970-01-01 UTC."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from seqrec.errors import ConfigError, DataError

MS_PER_UNIT = {"s": 1e3, "ms": 1.0, "us": 1e-3}
UNITS = ("auto", *MS_PER_UNIT, "iso")
LARGEST_S, LARGEST_MS = 1e11, 1e14  # the year 5138 in seconds, and in milliseconds
SMALLEST_S = 1e8  # smaller numbers may be made-up clocks, and tell no unit
STRAY = 0.01  # largest share of times that looks like another unit and yet tells nothing
END_MS = 253_402_300_800_000  # the end of the year 9999


def is_iso(unit: str, sample: Iterable[str | None]) -> bool:
    """Whether times are ISO dates rather than numbers; ``auto`` is told from a sample.

    Raises:
        ConfigError: `unit` is none of ``auto``, ``s``, ``ms``, ``us``, ``iso``.
    """
    if unit not in UNITS:
        raise ConfigError(
            f"{unit!r} is no unit of time",
            where="data.time_unit",
            todo=f"one of {', '.join(UNITS)}",
        )
    if unit != "auto":
        return unit == "iso"
    present = [text for text in sample if text]
    return sum(map(_is_number, present)) * 2 < len(present)


def parsed(column: pl.Expr, unit: str) -> pl.Expr:
    """Times as Float64 in `unit` (``iso``: milliseconds); null where there is no such time.

    A number beyond the year 9999 is no time; under ``auto``, one that is so in every unit.
    """
    if unit == "iso":
        return iso(column)
    value = column.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(value.abs() < _end(unit)).then(value)


def iso(column: pl.Expr) -> pl.Expr:
    """ISO dates and times as Float64 milliseconds; no zone means UTC; null where unparsable."""
    text = column.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T")
    zoned = text.str.replace("(Z| ?UTC)$", "+00:00").str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="ms", time_zone="UTC", strict=False
    )
    naive = [
        text.str.to_datetime(form, time_unit="ms", strict=False).dt.replace_time_zone("UTC")
        for form in ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
    ]
    return pl.coalesce(zoned, *naive).dt.epoch("ms").cast(pl.Float64)


def told(values: pl.Series, where: str) -> str:
    """The one unit of a whole column, by the median magnitude.

    So a stray row of another era (negative before 1970) is read like its neighbours.

    Raises:
        DataError: some of the numbers are seconds and some are not.
    """
    size = np.abs(values.to_numpy())
    seconds = np.mean((size > SMALLEST_S) & (size < LARGEST_S))
    finer = np.mean(size >= LARGEST_S)
    if min(seconds, finer) > STRAY:
        raise DataError(
            f"times in two units: {seconds:.0%} look like seconds, {finer:.0%} like milliseconds "
            "or finer",
            where=where,
            todo="bring them to one unit, or, if they are in one, name it with data.time_unit",
        )
    typical = float(np.median(size))
    return "s" if typical < LARGEST_S else "ms" if typical < LARGEST_MS else "us"


def are_times(values: pl.Series, unit: str) -> bool:
    """Whether all numbers lie before the end of the year 9999."""
    return bool((values.abs() < _end(unit)).all())


def to_ms(values: pl.Series, unit: str) -> pl.Series:
    """What :func:`parsed` gave to Int64 milliseconds; `unit` is not ``auto``."""
    scaled = values if unit in ("ms", "iso") else values * MS_PER_UNIT[unit]
    return scaled.round().cast(pl.Int64)


def _end(unit: str) -> float:
    return END_MS / MS_PER_UNIT.get(unit, min(MS_PER_UNIT.values()))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
