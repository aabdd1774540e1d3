"""Read dates and times written as text: vectorised, all values of a column in one layout."""

from types import MappingProxyType

import polars as pl

ISO_FORMS = {
    "%Y-%m-%dT%H:%M:%S%.f": False,
    "%Y-%m-%dT%H:%M:%S%.f%#z": True,
    "%Y-%m-%dT%H:%M": False,
    "%Y-%m-%d": False,
}  # the usual ones, which polars reads fast; whether they have an offset
OFFSET = r"(?P<offset>z|utc|gmt|[+-]\d\d(?::?\d\d)?)?"
TIME = (
    r"(?:(?:\s*[t,:]\s*|\s+)(?P<hour>\d{1,2}):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[ap]\.?m\.?)?)?"
    rf"\s*{OFFSET}(?: utc)?$"
)
WEEKDAY = r"^(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
NAME = r"(?P<name>(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*)\.?"
DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
YEAR = r"(?P<year>\d{4}|\d\d)"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LAYOUTS = MappingProxyType(
    {
        "iso": (
            r"^(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + TIME,
            r"^(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?:[t ](?P<hour>\d\d):?(?P<minute>\d\d)"
            rf"(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?)?\s*{OFFSET}$",
        ),
        "day_first": (r"^(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.]" + YEAR + TIME,),
        "month_first": (r"^(?P<month>\d{1,2})[-/.](?P<day>\d{1,2})[-/.]" + YEAR + TIME,),
        "year_first": (r"^" + YEAR + r"[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})" + TIME,),
        "month_name": (
            WEEKDAY + DAY + r"[-/.\s]+" + NAME + r"[-/,\s]+" + YEAR + TIME,
            WEEKDAY + NAME + r"\s+" + DAY + r",?\s+" + r"(?P<year>\d{4})" + TIME,
            WEEKDAY + NAME + r"\s+" + DAY + r"\s+(?P<hour>\d{1,2}):(?P<minute>\d\d)"
            rf":(?P<second>\d\d)\s+(?:{OFFSET}\s+)?(?P<year>\d{{4}})$",
        ),
        "digits": (
            r"^(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)"
            r"(?:(?P<minute>\d\d)(?P<second>\d\d)?)?)?)?)?(?:\.0*)?$",
        ),
    }
)  # name -> patterns, of which the first that fits counts
CENTURY = 69  # two digits from here on are of the 20th century, as in POSIX
FIELDS = {"year": None, "month": "1", "day": "1", "hour": "0", "minute": "0", "second": "0"}
PARTS = (
    ("%d", ("%d", "%e", "%j", "%F", "%D", "%x", "%c", "%s", "%v"), "01"),
    ("%m", ("%m", "%b", "%B", "%h", "%j", "%F", "%D", "%x", "%c", "%s", "%v"), "01"),
    ("%M", ("%M", "%T", "%R", "%X", "%r", "%c", "%s"), "00"),
)  # what polars asks for in a format -> codes that give it, its value where there is none


def fits(text: pl.Series, layout: str) -> pl.Series:
    """Return which of the texts have the shape of a layout, whatever dates they hold."""
    shapes = [text.str.strip_chars().str.contains(f"(?i){shape}") for shape in LAYOUTS[layout]]
    return pl.select(pl.any_horizontal(shapes).fill_null(False)).to_series()


def read_dates(text: pl.Series, form: str, zone: str | None) -> pl.Series:
    """Parse dates and times to Int64 milliseconds since 1970 UTC; null if unparsable.

    Args:
        text: String.
        form: the name of a layout or a strftime format.
        zone: of times without an offset; None means UTC. An hour that its clocks repeat is read as
            the first of the two; times that they skip are unparsable.
    """
    text = text.str.strip_chars()
    if form not in LAYOUTS:
        return _formatted(text, form, zone)
    if form == "iso":
        return _iso(text, zone)
    return _first([_laid_out(text, shape, zone) for shape in LAYOUTS[form]])


def _iso(text: pl.Series, zone: str | None) -> pl.Series:
    """Parse dates that begin with the year; a form is tried only where no earlier one fitted."""
    fast = text.str.replace(r"^(\d{4}-\d\d-\d\d) +", "${1}T").str.replace("(Z| ?UTC)$", "+00:00")
    fast = fast.set(fast.str.slice(4, 1) != "-", None)  # %Y takes years of fewer digits, too
    parts = []
    for form, has_offset in ISO_FORMS.items():
        offset = "UTC" if has_offset else None
        times = fast.str.to_datetime(form, time_unit="ms", time_zone=offset, strict=False)
        parts.append(times.dt.epoch("ms") if has_offset else in_utc(times, zone))
        text, fast = text.set(times.is_not_null(), None), fast.set(times.is_not_null(), None)
        if text.null_count() == len(text):
            return _first(parts)
    return _first([*parts, *(_laid_out(text, shape, zone) for shape in LAYOUTS["iso"])])


def _formatted(text: pl.Series, form: str, zone: str | None) -> pl.Series:
    """Parse times by a strftime format, which may lack days, months or minutes."""
    text = text.str.replace(r"^(\d+)\.0+$", "$1")  # whole numbers in a column of floats
    form = form.replace(".%f", "%.f")  # otherwise nanoseconds
    for code, given, value in PARTS:
        if not any(each in form for each in given) and (
            code != "%M" or any(hour in form for hour in ("%H", "%I", "%k", "%l"))
        ):
            text, form = text + f" {value}", f"{form} {code}"
    times = text.str.to_datetime(form, time_unit="ms", strict=False)
    times = times.set(times.dt.year() < 1000, None)  # %Y takes years of fewer digits, too
    aware = getattr(times.dtype, "time_zone", None) is not None
    return times.dt.epoch("ms") if aware else in_utc(times, zone)


def _laid_out(text: pl.Series, shape: str, zone: str | None) -> pl.Series:
    """Parse times whose fields a pattern names."""
    groups = text.str.extract_groups(f"(?i){shape}").struct.unnest()
    frame = groups.with_columns(pl.lit(None, pl.String).alias(n) for n in _absent(groups.columns))
    year, hour, half = pl.col("year"), pl.col("hour").cast(pl.Int32), pl.col("half").str.head(1)
    late = pl.when(half.str.to_lowercase() == "p").then(12).otherwise(0)
    of_twelve = pl.when(hour.is_between(1, 12)).then(hour % 12 + late)
    century = pl.when(year.cast(pl.Int32) < CENTURY).then(pl.lit("20")).otherwise(pl.lit("19"))
    name = pl.col("name").str.head(3).str.to_lowercase()
    number = name.replace_strict(MONTHS, [str(n + 1) for n in range(12)], default=None)
    fields = {
        **{field: pl.col(field).fill_null(value) for field, value in FIELDS.items() if value},
        "year": pl.when(year.str.len_bytes() == 2).then(century + year).otherwise(year),
        "month": pl.coalesce("month", number, pl.lit("1")),
        "hour": pl.when(half.is_null()).then(hour.fill_null(0)).otherwise(of_twelve),
    }
    digits = [fields[field].cast(pl.String).str.zfill(2) for field in FIELDS]
    time = pl.concat_str(digits).str.to_datetime("%Y%m%d%H%M%S", time_unit="ms", strict=False)
    fraction = pl.concat_str(pl.lit("0."), "fraction").cast(pl.Float64) * 1000
    offset = pl.col("offset").str.extract_groups(r"([+-])(\d\d):?(\d\d)?").struct
    minutes = offset[1].cast(pl.Int64) * 60 + offset[2].cast(pl.Int64).fill_null(0)
    ahead = pl.when(offset[0] == "-").then(-minutes).otherwise(minutes).fill_null(0) * 60_000
    table = frame.select(
        time.alias("time"),
        fraction.fill_null(0).floor().cast(pl.Int64).alias("fraction"),
        ahead.alias("ahead"),
        pl.col("offset").is_not_null().alias("aware"),
    )
    local = in_utc(table["time"], zone)
    whole = table["time"].dt.epoch("ms") - table["ahead"]
    return whole.zip_with(table["aware"], local) + table["fraction"]


def in_utc(times: pl.Series, zone: str | None) -> pl.Series:
    """Return naive datetimes, of clocks in a zone (None: UTC), as Int64 milliseconds."""
    if zone is not None:
        times = times.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return times.dt.epoch("ms")


def _absent(names: list[str]) -> list[str]:
    wanted = (*FIELDS, "fraction", "half", "offset", "name")
    return [name for name in wanted if name not in names]


def _first(parts: list[pl.Series]) -> pl.Series:
    return pl.select(pl.coalesce(parts)).to_series()
