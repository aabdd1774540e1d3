"""Amazon reviews by category, in the three published versions (McAuley lab, 2014, 2018, 2023)."""

import ast
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from importlib.resources import files
from math import isfinite
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.data._options import one_of
from seqrec.raw.get.fetch import RemoteFile, fetch
from seqrec.raw.get.local import find, find_optional
from seqrec.raw.parse.checks import quote, tolerate
from seqrec.raw.parse.formats import Delimited, Format, JsonLines
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.text import inspect, open_text, reading
from seqrec.raw.source import Interactions
from seqrec.terminal.say import say

QUOTED = 3  # malformed rows, in a message
TERMS = (
    "Amazon review data by J. McAuley's lab, UC San Diego: for research. Cite McAuley et al. "
    "(2015) for 2014, Ni et al. (2019) for 2018, Hou et al. (2024) for 2023."
)
URL_2014 = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/"
URL_2018 = "https://datarepo.eng.ucsd.edu/mcauley_group/data/amazon_v2/"
URL_2023 = "https://mcauleylab.ucsd.edu/public_datasets/data/amazon_2023/"


@dataclass(frozen=True)
class Layout:
    """One published file: where it is, what it is called, which columns it has."""

    url: str
    file: str
    form: Format
    user: str = "reviewerID"
    item: str = "asin"
    rating: str = "overall"
    timestamp: str = "unixReviewTime"
    time_unit: str = "s"


def _csv(url: str, file: str, *names: str, header: bool = False, unit: str = "s") -> Layout:
    form = Delimited(",", None if header else names)
    item = "parent_asin" if header else "item"
    user = "user_id" if header else "user"
    return Layout(url, file, form, user, item, "rating", "timestamp", unit)


LAYOUTS = {
    (2014, "5core"): Layout(URL_2014, "reviews_{}_5.json.gz", JsonLines()),
    (2014, "reviews"): Layout(URL_2014, "reviews_{}.json.gz", JsonLines()),
    (2014, "ratings"): _csv(URL_2014, "ratings_{}.csv", "user", "item", "rating", "timestamp"),
    (2018, "5core"): Layout(f"{URL_2018}categoryFilesSmall/", "{}_5.json.gz", JsonLines()),
    (2018, "reviews"): Layout(f"{URL_2018}categoryFiles/", "{}.json.gz", JsonLines()),
    (2018, "ratings"): _csv(
        f"{URL_2018}categoryFilesSmall/", "{}.csv", "item", "user", "rating", "timestamp"
    ),
    (2023, "5core"): _csv(
        f"{URL_2023}benchmark/5core/rating_only/", "{}.csv.gz", header=True, unit="ms"
    ),
    (2023, "ratings"): _csv(
        f"{URL_2023}benchmark/0core/rating_only/", "{}.csv.gz", header=True, unit="ms"
    ),
    (2023, "reviews"): Layout(
        f"{URL_2023}raw/review_categories/", "{}.jsonl.gz", JsonLines(),
        "user_id", "parent_asin", "rating", "timestamp", "ms",
    ),
}  # fmt: skip
META = {
    2014: (URL_2014, "meta_{}.json.gz"),
    2018: (f"{URL_2018}metaFiles2/", "meta_{}.json.gz"),
    2023: (f"{URL_2023}raw/meta_categories/", "meta_{}.jsonl.gz"),
}


@dataclass(frozen=True, kw_only=True)
class Amazon:
    """One category of one version.

    Args:
        category: as the publisher spells it: ``Musical_Instruments``.
        version: 2014, 2018 or 2023.
        subset: ``5core`` (users and items with 5 reviews or more), ``ratings`` (all, as CSV) or
            ``reviews`` (all, as JSON with texts, much larger).
        metadata: fetch the item table too (titles, brands, categories, prices); one in `raw_dir`
            is used either way.
        raw_dir: folder with the published files, gzipped or not; None: fetch them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.

    Raises:
        ConfigError: a version, subset or category that isn't published; it lists those that are.
    """

    category: str
    version: int = 2014
    subset: str = "5core"
    metadata: bool = False
    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        subsets = sorted({subset for _, subset in LAYOUTS})
        one_of("version", self.version, sorted(META))
        one_of("subset", self.subset, subsets)
        one_of("category", self.category, _categories(self.version))

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        suffix = "" if self.subset == "5core" else f"-{self.subset}"
        return f"amazon-{self.version}-{self.category}{suffix}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; the item table comes second, if there is one."""
        layout = LAYOUTS[self.version, self.subset]
        meta_url, meta_file = META[self.version]
        events, meta = layout.file.format(self.category), meta_file.format(self.category)
        if self.raw_dir is not None:
            table = (find if self.metadata else find_optional)(self.raw_dir, [meta])
            return [find(self.raw_dir, [events]), *([table] if table else [])]
        folder = Path(self.fetch_dir) / f"amazon-{self.version}-{self.subset}"
        wanted = [RemoteFile(events, (layout.url + events,), terms=TERMS)]
        if self.metadata:
            wanted.append(RemoteFile(meta, (meta_url + meta,)))
        return [fetch(file, folder) for file in wanted]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        reviews, *tables = self.files()
        layout = LAYOUTS[self.version, self.subset]
        events, rejected = read_events(
            reviews,
            layout.form,
            user=layout.user,
            item=layout.item,
            rating=layout.rating,
            timestamp=layout.timestamp,
            time_unit=layout.time_unit,
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(
            events, _item_table(tables[0], self.max_bad_rows) if tables else None, rejected
        )


def _categories(version: int) -> list[str]:
    """Return the categories that a version has, as the publisher spells them."""
    published = files("seqrec.data") / "amazon_categories.json"
    return json.loads(published.read_text(encoding="utf-8"))[str(version)]


def _item_table(path: Path, max_bad_rows: float) -> pl.LazyFrame:
    """Read the columns item, title, brand, categories (list) and price (Float32, dollars)."""
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "item": pl.String,
        "title": pl.String,
        "brand": pl.String,
        "categories": pl.List(pl.String),
        "price": pl.Float32,
    }
    inspect(path)
    items: list[tuple] = []
    faults: Counter[str] = Counter()
    quotes: list[str] = []
    for line, text, record in _records(path):
        item = _item(record) if record is not None else None
        if item is not None and item[0]:
            items.append(item)
            continue
        fault = "missing id" if item else "broken line"
        faults[fault] += 1
        quotes += [quote(line, fault, text)] if len(quotes) < QUOTED else []
    total = len(items) + faults.total()
    tolerate(path, faults, total, quotes, max_bad_rows)
    if faults:
        reasons = ", ".join(f"{count:,} {fault}" for fault, count in faults.items())
        say(f"skipped {faults.total():,} of {total:,} rows of {path.name}: {reasons}")
    return pl.LazyFrame(items, schema=schema, orient="row")


def _records(path: Path) -> Iterator[tuple[int, str, dict[str, Any] | None]]:
    """Yield number, text and object of each line, Python literals in 2014; None if it's broken."""
    with open_text(path) as stream, reading(path):
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                try:
                    record = ast.literal_eval(line.strip())
                except (ValueError, SyntaxError, RecursionError, MemoryError):
                    record = None
            yield number, line.strip(), record if isinstance(record, dict) else None


def _item(record: dict[str, Any]) -> tuple[str, str | None, str | None, list[str], float | None]:
    details = record.get("details")
    brand = record.get("brand") or (details.get("Brand") if isinstance(details, dict) else None)
    path = record.get("categories") or record.get("category") or record.get("main_category") or []
    steps = path if isinstance(path, list) else [path]
    flat = [name for step in steps for name in (step if isinstance(step, list) else [step])]
    return (
        str(record.get("parent_asin") or record.get("asin") or ""),
        _text(record.get("title")),
        _text(brand or record.get("store")),
        list(dict.fromkeys(filter(None, map(_text, flat)))),
        _dollars(record.get("price")),
    )


def _text(value: object) -> str | None:
    """Unescape HTML entities; None for empty text, or a script in its place (some of 2018)."""
    text = unescape(str(value or "")).strip()
    return None if not text or "getTime" in text else text


def _dollars(price: object) -> float | None:
    """Parse ``9.5`` or ``"$1,000.00"``; a range, such as ``"$5 - $9"``, is no price."""
    try:
        value = float(str(price).replace("$", "").replace(",", ""))
    except ValueError:
        return None
    return value if isfinite(value) else None
