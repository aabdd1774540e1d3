"""Groups of users, by what is known of them."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from seqrec.errors import ConfigError
from seqrec.experiment.slices import GROUP, KINDS

KNOWN_AS = ("index", "user")  # columns that are no attributes
DISTINCT = 10  # numbers up to so many different ones are taken as they are
RANGES = 4  # else they are cut into so many ranges that hold about as many users each


def user_groups(users: pl.DataFrame, names: Iterable[str]) -> pl.DataFrame:
    """The group of each user by each of some attributes.

    Args:
        users: columns index and user, then attributes.
        names: attributes; numbers with more than ten different values become four ranges, cut at
            their quartiles.

    Returns:
        A text column for each attribute, called ``group/NAME``; null where it isn't known.

    Raises:
        ConfigError: nothing is known by that name, of any user.
    """
    there = [name for name in users.columns if name not in KNOWN_AS]
    known = [name for name in there if users[name].null_count() < len(users)]
    for name in names:
        if name in KINDS or name not in known:
            fact = "is a kind of event already" if name in KINDS else "isn't known of the users"
            raise ConfigError(
                f"{name!r} {fact}",
                where="evaluation.groups",
                todo=f"choose of {', '.join(known) or 'nothing: this data says nothing of users'}",
            )
    return pl.DataFrame([_named(users[name]).alias(GROUP + name) for name in names])


def _named(values: pl.Series) -> pl.Series:
    number = values.cast(pl.Float64, strict=False).fill_nan(None)
    if number.null_count() == values.null_count() and number.n_unique() > DISTINCT:
        values = _ranges(number)
    return values.cast(pl.String).str.strip_chars().replace("", None).str.replace_all("/", "|")


def _ranges(values: pl.Series) -> pl.Series:
    """``least to most`` of the range that a number is in."""
    known = values.drop_nulls().to_numpy()
    edges = np.quantile(known, np.arange(1, RANGES) / RANGES)
    at_K = np.searchsorted(edges, known)
    name = {at: f"{known[at_K == at].min():g} to {known[at_K == at].max():g}" for at in set(at_K)}
    at = pl.Series(np.searchsorted(edges, values.fill_null(0.0).to_numpy()))
    named = at.replace_strict(name, default=None, return_dtype=pl.String)
    return named.set(values.is_null(), None)
