"""Recognise how the times of a column are written, or ask."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import polars as pl

from seqrec.clock import iso_time
from seqrec.errors import DataError
from seqrec.raw.parse.clock import DAY_MS, NUMBERS, Clock, limits, number, to_ms
from seqrec.raw.parse.dates import fits, read_dates
from seqrec.raw.parse.keep import of

WHEN_ASKED = "data.time_format=day_first, month_first or year_first"
LARGEST_S, LARGEST_MS, LARGEST_US = 1e11, 1e14, 1e17  # the year 5138 in each unit
SMALLEST_S = 1e8  # smaller numbers may be made-up clocks, whose unit is unknown
STRAY = 0.01  # largest share of times looking like another form that is ignored
PLAUSIBLE_MS = (-2_208_988_800_000, 4_102_444_800_000)  # from 1900 to 2100
SOME = 1_000_000  # times, at least, that tell the middle of more
ENDS_OF = (pl.first().min(), pl.first().max())
ENDS = (r"\s*(\d+)", r"\s*\d+\D\d+\D(\d+)")  # the first and the last number of a date
WINDOWS = {  # numbers that may be written digits of dates, or count from another zero
    "%Y": (1900, 2100),
    "%Y%m": (190_001, 210_012),
    "%Y%m%d": (19_000_101, 21_001_231),
    "%Y%m%d%H": (1_900_010_100, 2_100_123_123),
    "%Y%m%d%H%M": (190_001_010_000, 210_012_312_359),
    "%Y%m%d%H%M%S": (19_000_101_000_000, 21_001_231_235_959),
    "excel": (25_569, 73_051),  # from 1970 to 2100, like the two below
    "filetime": (116_444_736_000_000_000, 157_469_184_000_000_000),
    "ticks": (621_355_968_000_000_000, 662_380_416_000_000_000),
}


def recognised(
    given: Clock, sample: Iterable[str | None], column: Callable[[], pl.Series], where: str
) -> Clock:
    """Return the clock of a column: numbers (whose unit is still ``auto``), or a layout of dates.

    Args:
        given: what the configuration says; anything but ``auto`` is returned as it is.
        sample: the first texts of the column.
        column: returns all of them; asked where the sample leaves day and month ambiguous.
        where: names the column and its file in messages.

    Raises:
        DataError: the times are in no known form or in two, or day and month can't be told apart.
    """
    if given != Clock(zone=given.zone):
        return given
    present = pl.Series([text for text in sample if text and text.strip()], dtype=pl.String)
    are_numbers = present.str.strip_chars().cast(pl.Float64, strict=False).is_not_null()
    forms = {"numbers": are_numbers}
    if not are_numbers.all():
        dates = present.set(are_numbers, None)
        forms |= {form: fits(dates, form) for form in ("iso", "month_name", "day_first")}
    counts = {name: int(which.sum()) for name, which in forms.items()}
    form = max(counts, key=lambda name: counts[name])
    if not counts[form] and len(present):
        raise DataError(
            f"times such as {present[0]!r} are in no form that is known",
            where=where,
            todo="say how they are written: data.time_format='%d.%m.%Y %H:%M', with the codes of "
            "strftime",
        )
    if sum(counts.values()) - counts[form] > STRAY * sum(counts.values()):
        examples = [repr(present.filter(forms[name])[0]) for name in counts if counts[name]]
        raise DataError(
            f"times in two forms: {' and '.join(examples)}",
            where=where,
            todo="write them in one form, or name the right one with data.time_format or "
            "data.time_unit: times in the other are then malformed",
        )
    if form == "numbers":
        return given
    if form == "iso":
        return replace(given, unit="iso")
    return replace(given, form=_ordered(present, column, where) if form == "day_first" else form)


def _ordered(sample: pl.Series, column: Callable[[], pl.Series], where: str) -> str:
    """Tell which of day, month and year comes first, by the sample or else by the whole column."""
    possible = _readings(sample)
    if len(possible) != 1:
        possible = _readings(column())
    if len(possible) == 1:
        return possible[0]
    dates = sample.filter(fits(sample, "day_first"))
    example = next((text for text in dates if len(_readings(pl.Series([text]))) > 1), dates[0])
    if not possible:
        raise DataError(
            f"times such as {example!r} begin with the day in some rows, with the month in others",
            where=where,
            todo=f"write them in one form, or name the right one with {WHEN_ASKED}",
        )
    if "." in example.split()[0] and possible == ["day_first", "month_first"]:
        return "day_first"  # nobody writes the month first with dots
    meant = [
        f"{iso_time(ms)} (data.time_format={form})"
        for form in possible
        for ms in read_dates(pl.Series([example]), form, None).drop_nulls()
    ]
    raise DataError(
        f"{example!r} may be {' or '.join(meant)}, and no other time of the column settles it",
        where=where,
        todo=f"say which, as in data.time_format={possible[0]}",
    )


def _readings(texts: pl.Series) -> list[str]:
    """Return the readings of dates of three small numbers that (almost) all of them allow.

    Of two readings that give the same dates only the first is listed. Where both ends may be the
    year, it is the one that changes less often.
    """
    dates = texts.filter(fits(texts, "day_first")).unique(maintain_order=True)
    forms = ["day_first", "month_first"]
    if len(dates) and fits(dates, "year_first").all():
        first, last = (dates.str.extract(f"^{end}").n_unique() for end in ENDS)
        forms = [*(forms if last <= first else []), *(["year_first"] if first <= last else [])]
    read = {form: read_dates(dates, form, None) for form in forms}
    valid = {form: len(times) - times.null_count() for form, times in read.items()}
    if max(valid.values()) < (1 - STRAY) * pl.select(pl.coalesce(read.values())).count().item():
        return []
    best = [form for form in forms if valid[form] == max(valid.values())]
    return [f for n, f in enumerate(best) if not any(read[f].equals(read[e]) for e in best[:n])]


def settled(values: pl.LazyFrame, clock: Clock, given: Clock, where: str) -> Clock:
    """Return the clock of a whole column, whose unit follows from the size of its numbers.

    A stray row of another era (negative before 1970) is thus read like its neighbours.

    Args:
        values: a column, the result of :func:`parsed` with `clock`.
        clock: the result of :func:`recognised`.
        given: what the configuration says: a unit that it names is never doubted.
        where: names the column and its file in messages.

    Raises:
        DataError: times are in two units, implausible, or may be dates or a clock of its own.
    """
    if given.unit == "auto" and given.form is None:
        if clock.layout is None:
            clock = _numbers(values, clock, where)
        if clock.form != "digits":
            _check_plausible(values, clock, where)
    if clock.zone is not None and clock.layout is None:
        raise DataError(
            f"times are numbers ({clock.unit}), which count the same moments in every zone",
            where=where,
            todo="set data.time_zone=null; it is for dates that a file writes in local time",
        )
    return clock


def made_up(times: pl.LazyFrame, given: Clock, column: Callable[[], pl.Series]) -> list[str]:
    """Say so if times are a clock of its own, as 1, 2, 3 are.

    Args:
        times: a column, of events, milliseconds.
        given: what the configuration says.
        column: returns the texts of the column.
    """
    low, high, rows = of(times, *ENDS_OF, pl.len())
    if given != Clock() or max(abs(low), abs(high)) > SMALLEST_S * 1000:
        return []
    if column().str.strip_chars().cast(pl.Float64, strict=False).null_count() * 2 > rows:
        return []  # dates of 1970
    return [
        f"times from {low / 1000:g} to {high / 1000:g} are no dates that are known: they are taken "
        "for seconds of a clock of its own, so spans and dates mean nothing; if they do, name "
        "data.time_unit or data.time_format"
    ]


def far_off(times: pl.LazyFrame) -> list[str]:
    """Say so if a few times lie far from all others, as a mistyped or cut-off one does.

    Far is farther from the middle 90 % than three times what these span, and than a day. Of more
    than two million times, the middle is that of every other, third, ... one.

    Args:
        times: a column, of events, milliseconds.
    """
    time = pl.first()
    low, high, mean, deviation, rows = of(times, *ENDS_OF, time.mean(), time.std(), pl.len())
    if deviation is None or max(mean - low, high - mean) <= 3 * deviation:  # without an end
        return []
    some = times.select(pl.first().gather_every(max(1, rows // SOME)))
    sample = some.collect(engine="streaming").to_series()
    low, high = sample.quantile(0.05), sample.quantile(0.95)
    assert low is not None and high is not None
    reach = max(3 * (high - low), DAY_MS)
    off = times.filter((time < low - reach) | (time > high + reach))
    count, first = of(off, pl.len(), time.first())
    if not count:
        return []
    return [
        f"{count:,} of {rows:,} times, such as {iso_time(first)}, lie far from the "
        f"others, most of which are from {iso_time(int(low))} to {iso_time(int(high))}: they are "
        "kept, and may be mistyped or cut off"
    ]


def _numbers(values: pl.LazyFrame, clock: Clock, where: str) -> Clock:
    """Infer what the numbers of a column are."""
    value, size = pl.first(), pl.first().abs()
    shares = {
        "seconds": (size > SMALLEST_S) & (size < LARGEST_S),
        "ms": size >= LARGEST_S,
        "us": size >= LARGEST_MS,
        "ns": size >= LARGEST_US,
        **{name: value.is_between(*window) for name, window in WINDOWS.items()},
    }
    means = of(values, *(share.mean() for share in shares.values()))
    share = dict(zip(shares, means, strict=True))
    for name in WINDOWS:
        if share[name] >= (0.9 if name == "excel" else 0.5) and (
            found := _meant(values, name, where)
        ):
            return replace(clock, **found)
    if min(share["seconds"], share["ms"]) > STRAY:
        raise DataError(
            f"times in two units: {share['seconds']:.0%} look like seconds, {share['ms']:.0%} like "
            "milliseconds or finer",
            where=where,
            todo="convert them to one unit or, if they share one, name it with data.time_unit",
        )
    return replace(clock, unit=next((u for u in ("ns", "us", "ms") if share[u] >= 0.5), "s"))


def _meant(values: pl.LazyFrame, name: str, where: str) -> dict[str, str] | None:
    """Return the unit or layout of numbers most of which lie in a window; None if it doesn't fit.

    Raises:
        DataError: they fit, but as well they may be a clock of its own.
    """
    value = pl.first()
    wholes, rows, low, high = of(values, (value == value.floor()).sum(), pl.len(), *ENDS_OF)
    whole = wholes >= (1 - STRAY) * rows
    if name in NUMBERS:
        found = {"unit": name}
        is_sure = name != "excel" or not whole
    else:
        if not whole:
            return None
        dates = (
            value.cast(pl.Int64, strict=False)
            .cast(pl.String)
            .map_batches(
                lambda texts: read_dates(texts, "digits", None),
                return_dtype=pl.Int64,
                is_elementwise=True,
            )
        )
        if of(values, dates.null_count())[0] * 2 > rows:
            return None
        found = {"form": "digits"}
        is_sure = name not in ("%Y", "%Y%m")
    if is_sure:
        return found
    key = f"data.time_unit={name}" if name in NUMBERS else f"data.time_format='{name}'"
    what = {"%Y": "years", "%Y%m": "months", "excel": "days of Excel"}[name]
    raise DataError(
        f"times from {low:.0f} to {high:.0f} may be {what}, or a clock of its own",
        where=where,
        todo=f"set {key} for {what}, or data.time_unit=s for any other clock",
    )


def _check_plausible(values: pl.LazyFrame, clock: Clock, where: str) -> None:
    low, high = (number(ms, clock) for ms in PLAUSIBLE_MS)
    share, *found = of(values, pl.first().is_between(low, high).mean(), *ENDS_OF)
    if 1 - share <= STRAY:
        return
    seen = pl.Series(found).clip(*limits(clock))
    ends = pl.select(to_ms(pl.lit(seen), clock)).to_series()
    what = "dates" if clock.layout else f"numbers, read as {clock.unit} since 1970,"
    raise DataError(
        f"implausible times: {what} from {iso_time(ends[0])} to {iso_time(ends[1])}",
        where=where,
        todo="say how they are written: data.time_unit=s, ms, us, ns, excel, filetime or ticks, or "
        "data.time_format='%d.%m.%Y', with the codes of strftime",
    )
