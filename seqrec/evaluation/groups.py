"""User groups for sliced metrics, from user attributes."""

from typing import Any

import numpy as np
import polars as pl

from seqrec.config.check.mistakes import unknown
from seqrec.errors import ConfigError
from seqrec.evaluation.slices import SLICES, labels

AUTO = "auto"
MAX_AUTO_GROUPS = 8  # the most that `auto` accepts; numbers with more values become ranges
MAX_GROUPS = 50  # groups of an attribute
CUTS = (0.25, 0.5, 0.75)  # of the users, between ranges of numbers


def find_groups(users: pl.DataFrame, wanted: Any) -> dict[str, pl.Series]:
    """Return the group of each user, by attribute.

    Texts are groups themselves. Numbers with more than eight values are cut at the quartiles of
    the users, into ranges named by their smallest and largest value.

    Args:
        users: columns index, user and attributes.
        wanted: names of attributes; ``auto``: those with two to eight groups; None: none.

    Returns:
        Name to Enum (users,), null where the value is missing.

    Raises:
        ConfigError: an attribute is missing, is empty, has too many values, or has the name of
            slices that every run has.
    """
    columns = [n for n in users.columns[2:] if users[n].null_count() < len(users)]
    if wanted == AUTO:
        found = {n: _labels(users[n]) for n in columns if n not in SLICES}
        return {
            n: group for n, group in found.items() if 2 <= len(labels(group)) <= MAX_AUTO_GROUPS
        }
    names = [wanted] if isinstance(wanted, str) else list(wanted or [])
    for name in names:
        if name not in columns:
            raise ConfigError(
                f"evaluation.groups={name}: {unknown(name, columns, noun='user attributes')}",
                todo="choose from these, or turn groups off with evaluation.groups=null",
            )
        if name in SLICES:
            raise ConfigError(
                f"evaluation.groups={name}: this name is taken by slices that every run has",
                todo="rename the column in the user table",
            )
    found = {name: _labels(users[name]) for name in names}
    for name, group in found.items():
        if len(labels(group)) > MAX_GROUPS:
            raise ConfigError(
                f"evaluation.groups={name}: {len(labels(group)):,} values make too many groups, "
                f"at most {MAX_GROUPS} are allowed",
                todo="choose an attribute with fewer values, or merge some in the user table",
            )
    return found


def _labels(column: pl.Series) -> pl.Series:
    text = column.cast(pl.String).str.strip_chars().replace("", None)
    number = text.cast(pl.Float64, strict=False)
    if (
        number.null_count() == text.null_count()
        and number.drop_nulls().n_unique() > MAX_AUTO_GROUPS
    ):
        return _ranges(number)
    text = text.str.replace_all("/", "-", literal=True)  # "/" separates names of metrics
    return text.cast(pl.Enum(text.drop_nulls().unique().sort()))


def _ranges(number: pl.Series) -> pl.Series:
    """Cut at the quartiles; equal values stay together, so ranges may differ in size."""
    known = number.fill_nan(None).drop_nulls().to_numpy()
    edges = np.unique(np.quantile(known, CUTS, method="lower"))
    code = np.searchsorted(edges, number.fill_null(np.nan).to_numpy(), side="left")
    places = np.searchsorted(edges, known, side="left")
    names = {int(c): _range(known[places == c]) for c in np.unique(places)}
    label = pl.Series([names.get(c) for c in range(len(edges) + 1)], dtype=pl.Enum(names.values()))
    return label.gather(pl.Series(code)).set(number.is_null() | number.is_nan(), None)


def _range(values: np.ndarray) -> str:
    least, most = (f"{int(v)}" if v.is_integer() else f"{v}" for v in (values.min(), values.max()))
    return least if least == most else f"{least}-{most}"
