"""Events that Spark reads by itself: Parquet, delimited text and JSON lines, with plain values.

What a file may be written like is narrower than in :mod:`seqrec.raw.parse`, and read the same.
"""

from collections import Counter
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from urllib.parse import unquote

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from seqrec.errors import DataError
from seqrec.raw.parse.checks import tolerate
from seqrec.raw.parse.formats import BROKEN_JSON, WRONG_COUNT, Parquet, named
from seqrec.raw.parse.parts import by_numbers
from seqrec.raw.parse.text import BOM
from seqrec.raw.parse.typed import REASONS
from seqrec.raw.spark.remote import files_of
from seqrec.raw.spark.scratch import ROW, Scratch
from seqrec.raw.spark.typed import Plain, column_of, doubt, is_header, typed

SEPARATORS = {".csv": ",", ".tsv": "\t"}
CORRUPT, FAULT, FILE, BLOCK, AT = "_corrupt", "_fault", "_file", "_block", "_at"
AS_PARQUET = "write the files as Parquet, or read them from a disk with prepare.engine=polars"


def read_parts(
    urls: Mapping[int, str], plain: Plain, scratch: Scratch
) -> tuple[DataFrame, dict[str, int]]:
    """Read events like :func:`seqrec.raw.parse.read.read_events`, on Spark's executors.

    Args:
        urls: of files, folders or patterns, by the number of the part of a published split.
        plain: how they are written.
        scratch: where they are kept.

    Returns:
        The columns `ROW` (the place in all files), user, item, then what is named of timestamp,
        rating and the context, and ``_part`` if there are several; and the dropped rows by reason.

    Raises:
        DataError: there is no such file; it lacks a column, or one has values that only the other
            engine reads; there are too many malformed rows.
    """
    frames, rejected, begin = [], Counter[str](), 0
    for part, url in urls.items():
        frame, bad, size = _read(url, plain, scratch)
        frame = frame.withColumn(ROW, F.col(ROW) + F.lit(begin))
        if len(urls) > 1:
            frame = frame.withColumn("_part", F.lit(part).cast("tinyint"))
        frames.append(frame)
        rejected.update(bad)
        begin += size
    return reduce(DataFrame.unionByName, frames), dict(rejected)


def _read(url: str, plain: Plain, scratch: Scratch) -> tuple[DataFrame, dict[str, int], int]:
    """Return the events of one part, its dropped rows by reason, and the number of all its rows."""
    frame, texts = _scanned([file for file, *_ in files_of(scratch.session, url)], plain, scratch)
    made = typed(frame, plain, url)
    place = {
        FILE: F.col("_metadata.file_path"),
        BLOCK: F.col("_metadata.file_block_start"),
        AT: F.monotonically_increasing_id(),
    }
    fault = F.coalesce(
        *([F.when(F.col(CORRUPT).isNotNull(), texts)] if texts else []),
        *([is_header(plain)] if texts == WRONG_COUNT else []),
        *(F.when(made[role].isNull(), REASONS[role]) for role in plain.columns),
    )
    columns = {**place, **made, FAULT: fault, "_doubt": doubt(frame, plain, texts)}
    rows = scratch.keep(frame.select(*(value.alias(name) for name, value in columns.items())))
    blocks = _blocks(rows, list(made), url, scratch)
    rejected = _rejected(rows, url, plain.max_bad_rows)
    good = rows.where(F.col(FAULT).isNull()).join(scratch.give(blocks), [FILE, BLOCK])
    row = (F.col(AT) + F.col("_shift")).alias(ROW)
    events = good.select(row, *(column_of(name) for name in made))
    return events, rejected, rows.count()


def _scanned(files: list[str], plain: Plain, scratch: Scratch) -> tuple[DataFrame, str | None]:
    """Return the files as a DataFrame; and, of texts, what is wrong with a row of another form."""
    context = (seen.column for seen in plain.context.values())
    names = list(dict.fromkeys([*plain.columns.values(), *context]))
    form = named(files[0])
    read = scratch.session.read
    if isinstance(form, Parquet):
        return _having(read.option("mergeSchema", "true").parquet(*files), names, files[0]), None
    if form is not None:
        schema = ", ".join(f"`{name}` string" for name in [*names, CORRUPT])
        return read.json(files, schema, columnNameOfCorruptRecord=CORRUPT), BROKEN_JSON
    quote, separator = '"' if plain.quoted else "", _separator(plain, files[0])
    header = read.text(files[0]).head()
    cells = str(header[0] if header else "").removeprefix(BOM).split(separator)
    header = [cell.strip().strip(quote) for cell in cells]
    schema = ", ".join(f"`{name}` string" for name in [*header, CORRUPT])
    frame = read.option("columnPruning", "false").csv(
        files,
        schema,
        sep=separator,
        quote=quote,
        escape=quote,
        header=True,
        enforceSchema=False,
        columnNameOfCorruptRecord=CORRUPT,
    )
    return _having(frame, names, files[0]), WRONG_COUNT


def _separator(plain: Plain, file: str) -> str:
    if plain.separator != "auto":
        return plain.separator.replace("\\t", "\t")
    found = SEPARATORS.get(Path(file.removesuffix(".gz")).suffix.lower())
    if found is None:
        raise DataError(
            f"the name of {Path(file).name} doesn't say what separates its columns",
            where=file,
            todo="set data.separator='\\t', say",
        )
    return found


def _having(frame: DataFrame, names: list[str], file: str) -> DataFrame:
    missing = [name for name in names if frame.columns.count(name) != 1]
    if missing:
        raise DataError(
            f"{Path(file).name} has no column {', '.join(map(repr, missing))}, or more than one; "
            f"its columns are {', '.join(c for c in frame.columns if c != CORRUPT)}",
            where=file,
            todo="correct data.user, data.item, data.timestamp, data.rating, data.context or "
            "data.separator",
        )
    return frame


def _blocks(rows: DataFrame, made: list[str], url: str, scratch: Scratch) -> pl.DataFrame:
    """Return what is added to the places in each block of a file to make places in all files.

    Raises:
        DataError: a file has no value in a column, or values that only the other engine reads.
    """
    found = scratch.fetch(
        rows.groupBy(FILE, BLOCK).agg(
            F.min(AT).alias("_least"),
            F.count("*").alias("_rows"),
            F.sum(F.col("_doubt").cast("int")).alias("_doubts"),
            *(F.count(column_of(name)).alias(name) for name in made),
        )
    )
    if found.is_empty():
        raise DataError(f"{url} has no rows", where=url, todo="correct data.path")
    by_file = found.group_by(FILE).agg(pl.col(*made).sum()).sort(FILE)
    for name, *counts in by_file.iter_rows():
        for column, count in zip(made, counts, strict=True):
            if not count:
                raise DataError(
                    f"{unquote(Path(name).name)} has no {column} in any row",
                    where=name,
                    todo=f"correct data.{column}, if it is its name, or leave the file out by a "
                    "pattern in data.path: all files must have the same columns",
                )
    doubts = found["_doubts"].sum()
    if doubts:
        raise DataError(
            f"{doubts:,} rows have quotes within cells, or cells of lists or objects, which Spark "
            "may read in another way",
            where=url,
            todo=f"{AS_PARQUET}; data.quote=none reads quotes as text",
        )
    places = found.select(FILE, BLOCK).rows()
    keys = [(by_numbers(Path(unquote(name))), block) for name, block in places]
    found = found[sorted(range(len(keys)), key=keys.__getitem__)]
    begin = pl.col("_rows").cum_sum() - pl.col("_rows")
    return found.select(FILE, BLOCK, (begin - pl.col("_least")).cast(pl.Int64).alias("_shift"))


def _rejected(rows: DataFrame, url: str, max_bad_rows: float) -> dict[str, int]:
    counted = {row[0]: row[1] for row in rows.groupBy(FAULT).count().collect()}
    good = counted.pop(None, 0)
    faults = Counter(counted)
    tolerate(Path(url), faults, good + faults.total(), (), max_bad_rows)
    if not good:
        raise DataError(f"all rows of {url} are malformed", where=url, todo="correct data.path")
    return dict(faults)
