"""Convert times in any common unit to milliseconds since 1970-01-01 UTC."""

from collections.abc import Iterable

import polars as pl

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.formats import text_of

MS_PER_UNIT = {"s": 1e3, "ms": 1.0, "us": 1e-3}
UNITS = ("auto", *MS_PER_UNIT, "iso")
LARGEST_S, LARGEST_MS = 1e11, 1e14  # the year 5138 in seconds, and in milliseconds
SMALLEST_S = 1e8  # smaller numbers may be made-up clocks, whose unit is unknown
STRAY = 0.01  # largest share of times looking like another unit that is ignored
ISO_FORMS = {
    "%Y-%m-%dT%H:%M:%S%.f": None,
    "%Y-%m-%dT%H:%M:%S%.f%#z": "UTC",
    "%Y-%m-%dT%H:%M": None,
    "%Y-%m-%d": None,
}
END_MS = 253_402_300_800_000  # the end of the year 9999


def is_iso(unit: str, sample: Iterable[str | None]) -> bool:
    """Return whether times are ISO dates rather than numbers; ``auto`` decides by a sample.

    Raises:
        ConfigError: `unit` is none of ``auto``, ``s``, ``ms``, ``us``, ``iso``.
    """
    if unit not in UNITS:
        raise ConfigError(
            f"unknown unit of time {unit!r}",
            where="data.time_unit",
            todo=f"use one of {', '.join(UNITS)}",
        )
    if unit != "auto":
        return unit == "iso"
    present = [text for text in sample if text]
    return sum(map(_is_number, present)) * 2 < len(present)


def parsed(column: pl.Expr, dtype: pl.DataType, unit: str) -> pl.Expr:
    """Parse times as Float64 in `unit` (``iso``: milliseconds); null where that is impossible.

    Times beyond the year 9999 are null; under ``auto``, those beyond it in every unit.

    Args:
        column: times of type `dtype`; integers and, under ``iso``, dates are read directly,
            everything else as text.
        dtype: its type.
        unit: ``auto``, ``s``, ``ms``, ``us`` or ``iso``.
    """
    text = text_of(column, dtype)
    if unit != "iso":
        value = column if dtype.is_integer() else text.str.strip_chars()
    elif isinstance(dtype, pl.Date | pl.Datetime):
        value = column.dt.epoch("ms")
    else:
        value = text.map_batches(_iso, return_dtype=pl.Int64, is_elementwise=True)
    value = value.cast(pl.Float64, strict=False)
    return pl.when(value.abs() < _end(unit)).then(value)


def unit_of(values: pl.Series, where: str) -> str:
    """Infer the unit of a whole column from the magnitude of most of its numbers.

    A stray row of another era (negative before 1970) is thus read like its neighbours.

    Raises:
        DataError: some of the numbers are seconds and some are not.
    """
    size = pl.first().abs()
    shares = {
        "seconds": (size > SMALLEST_S) & (size < LARGEST_S),
        "finer": size >= LARGEST_S,
        "finest": size >= LARGEST_MS,
    }
    means = (share.mean().alias(name) for name, share in shares.items())
    counted = values.to_frame().lazy().select(means).collect(engine="streaming")
    seconds, finer, finest = counted.row(0)
    if min(seconds, finer) > STRAY:
        raise DataError(
            f"times in two units: {seconds:.0%} look like seconds, {finer:.0%} like milliseconds "
            "or finer",
            where=where,
            todo="convert them to one unit or, if they share one, name it with data.time_unit",
        )
    return "s" if finer < 0.5 else "ms" if finest < 0.5 else "us"


def are_times(values: pl.Series, unit: str) -> bool:
    """Return whether all numbers lie before the end of the year 9999."""
    return bool(max(-values.min(), values.max()) < _end(unit))  # type: ignore[operator, type-var]


def to_ms(values: pl.Expr, unit: str) -> pl.Expr:
    """Convert the result of :func:`parsed` to Int64 milliseconds; `unit` is not ``auto``."""
    scaled = values if unit in ("ms", "iso") else values * MS_PER_UNIT[unit]
    return scaled.round().cast(pl.Int64)


def _iso(texts: pl.Series) -> pl.Series:
    """Parse ISO dates and times to Int64 milliseconds; no zone means UTC; null if unparsable.

    A form is tried only where no earlier one fitted, because trying is slow.
    """
    text = texts.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T")
    unread = text.str.replace("(Z| ?UTC)$", "+00:00")
    parts = []
    for form, zone in ISO_FORMS.items():
        times = unread.str.to_datetime(form, time_unit="ms", time_zone=zone, strict=False)
        parts.append(times.dt.epoch("ms"))
        unread = unread.set(times.is_not_null(), None)
        if unread.null_count() == len(unread):
            break
    return pl.select(pl.coalesce(parts)).to_series()


def _end(unit: str) -> float:
    return END_MS / MS_PER_UNIT.get(unit, min(MS_PER_UNIT.values()))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
