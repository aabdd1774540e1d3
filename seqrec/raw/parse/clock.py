"""Convert times, however a file writes them, to milliseconds since 1970-01-01 UTC."""

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import polars as pl

from seqrec.errors import ConfigError
from seqrec.raw.parse.dates import LAYOUTS, in_utc, read_dates
from seqrec.raw.parse.formats import text_of
from seqrec.raw.parse.keep import of

DAY_MS = 86_400_000
NUMBERS = {  # unit -> milliseconds of one, and milliseconds since 1970 of its zero
    "s": (1e3, 0),
    "ms": (1.0, 0),
    "us": (1e-3, 0),
    "ns": (1e-6, 0),
    "excel": (DAY_MS, -25_569 * DAY_MS),  # days since 1899-12-30
    "filetime": (1e-4, -11_644_473_600_000),  # Windows: 100 ns since 1601
    "ticks": (1e-4, -62_135_596_800_000),  # .NET: 100 ns since the year 1
}
UNITS = ("auto", *NUMBERS, "iso")
NAMED = ("day_first", "month_first", "year_first", "month_name")  # of data.time_format
END_MS = 253_402_300_800_000  # the end of the year 9999


@dataclass(frozen=True)
class Clock:
    """How the times of a column are written.

    Args:
        unit: of numbers: ``s``, ``ms``, ``us`` or ``ns`` since 1970 UTC, ``excel``, ``filetime``,
            ``ticks``; ``iso``: dates that begin with the year; ``auto``: inferred.
        form: of text: a strftime format, ``day_first``, ``month_first``, ``year_first`` or
            ``month_name``; None: see `unit`.
        zone: of times without an offset, such as ``Europe/Berlin``; None means UTC.

    Raises:
        ConfigError: a unit or zone is unknown, a format has no fields, or unit and format are both
            named.
    """

    unit: str = "auto"
    form: str | None = None
    zone: str | None = None

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ConfigError(
                f"unknown unit of time {self.unit!r}",
                where="data.time_unit",
                todo=f"use one of {', '.join(UNITS)}",
            )
        if self.form is not None:
            self._check_form(self.form)
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (KeyError, ValueError, OSError) as error:
                raise ConfigError(
                    f"unknown time zone {self.zone!r}",
                    where="data.time_zone",
                    todo="name it as data.time_zone=Europe/Berlin, or data.time_zone=UTC",
                ) from error

    def _check_form(self, form: str) -> None:
        if self.unit != "auto":
            raise ConfigError(
                f"data.time_format={form} says how times are written, and so does "
                f"data.time_unit={self.unit}",
                where="data.time_format",
                todo="set data.time_unit=auto",
            )
        if form not in LAYOUTS and "%" not in form:
            raise ConfigError(
                f"{form!r} is no format of times",
                where="data.time_format",
                todo=f"use strftime codes, as in '%d.%m.%Y %H:%M', or one of {', '.join(NAMED)}",
            )

    @property
    def layout(self) -> str | None:
        """What :func:`~seqrec.raw.parse.dates.read_dates` reads it by; None for numbers."""
        return "iso" if self.unit == "iso" else self.form


def parsed(column: pl.Expr, dtype: pl.DataType, clock: Clock) -> pl.Expr:
    """Parse times as Float64: numbers in their unit, dates in milliseconds; null if unparsable.

    Times beyond the year 9999 are null; under ``auto``, those beyond it in every unit.

    Args:
        column: times of type `dtype`; integers and, unless the clock is of numbers, dates are read
            directly, everything else as text.
        dtype: its type.
        clock: how they are written.
    """
    layout, text = clock.layout, text_of(column, dtype)
    if layout is None:
        value = column if dtype.is_integer() else text.str.strip_chars()
    elif isinstance(dtype, pl.Date | pl.Datetime):
        zone = None if getattr(dtype, "time_zone", None) else clock.zone
        value = column.cast(pl.Datetime("ms", getattr(dtype, "time_zone", None))).map_batches(
            lambda times: in_utc(times, zone), return_dtype=pl.Int64, is_elementwise=True
        )
    else:
        if layout == "digits":  # recognised as numbers, which floats may write as 2.0231124e7
            numbers = text.str.strip_chars().cast(pl.Float64, strict=False)
            text = numbers.cast(pl.Int64, strict=False).cast(pl.String)
        value = text.map_batches(
            lambda texts: read_dates(texts, layout, clock.zone),
            return_dtype=pl.Int64,
            is_elementwise=True,
        )
    value = value.cast(pl.Float64, strict=False)
    low, high = limits(clock)
    return pl.when((value > low) & (value < high)).then(value)


def are_times(values: pl.LazyFrame, read: Clock, clock: Clock) -> bool:
    """Return whether values that were parsed with the clock `read` are all times of `clock`."""
    if read.layout != clock.layout:
        return False
    low, high = limits(clock)
    least, most = of(values, pl.first().min(), pl.first().max())
    return bool(low < least and most < high)


def to_ms(values: pl.Expr, clock: Clock) -> pl.Expr:
    """Convert the result of :func:`parsed` to Int64 milliseconds; the unit is not ``auto``."""
    factor, zero = (1.0, 0) if clock.layout else NUMBERS[clock.unit]
    scaled = values if factor == 1 else values * factor
    ms = scaled.round().cast(pl.Int64)
    return ms + zero if zero else ms


def number(ms: float, clock: Clock) -> float:
    """Return the number that stands for a moment in the unit of `clock`."""
    factor, zero = (1.0, 0) if clock.layout else NUMBERS[clock.unit]
    return (ms - zero) / factor


def limits(clock: Clock) -> tuple[float, float]:
    """Return the numbers that times lie between: the year 9999, as far before 1970 as after it."""
    unit = replace(clock, unit="ns") if clock.layout is None and clock.unit == "auto" else clock
    return number(-END_MS, unit), number(END_MS, unit)
