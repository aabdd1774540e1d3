"""Times in any common unit to milliseconds since 1970-01-01 UTC."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from seqrec.errors import ConfigError

MS_PER_UNIT = {"s": 1e3, "ms": 1.0, "us": 1e-3}
UNITS = ("auto", *MS_PER_UNIT, "iso")
LARGEST_S, LARGEST_MS = 1e11, 1e14  # the year 5138 in seconds, and in milliseconds


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


def numbers(column: pl.Expr) -> pl.Expr:
    """Times as numbers in their own unit, Float64; null where they aren't finite numbers."""
    value = column.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


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


def to_ms(values: pl.Series, unit: str) -> pl.Series:
    """Numbers in `unit` to Int64 milliseconds.

    ``auto`` chooses one unit for the whole column, by the median magnitude, so that a stray row
    of another era (negative before 1970) is read like its neighbours.
    """
    if unit == "auto":
        typical = float(np.median(np.abs(values.to_numpy()))) if len(values) else 0.0
        unit = "s" if typical < LARGEST_S else "ms" if typical < LARGEST_MS else "us"
    scaled = values if unit in ("ms", "iso") else values * MS_PER_UNIT[unit]
    return scaled.round().cast(pl.Int64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
