"""Who is a user's friend, and what these friends had."""

from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from seqrec.errors import DataError
from seqrec.raw.ids import tidy
from seqrec.raw.parse.columns import lists_of
from seqrec.raw.parse.edges import read_edges
from seqrec.terminal.say import say


def pairs_in_file(path: str, *, user: str, friend: str) -> pl.DataFrame:
    """Read pairs of ids, user and friend, from a file; see :func:`~seqrec.raw.parse.edges`."""
    return read_edges(Path(path).expanduser(), {"user": user, "friend": friend})


def pairs_in_table(users: pl.DataFrame, column: str) -> pl.DataFrame:
    """Return pairs of ids, user and friend, from a column of lists of the table of users.

    Raises:
        DataError: the table has no such column.
    """
    if column not in users.columns:
        raise DataError(
            f"the users have no column {column!r}",
            where="embedding.column",
            todo="name a file of pairs with embedding.path, or a column with the friends of each "
            "user (data=files: data.users_path)",
        )
    lists = users[column]
    if not isinstance(lists.dtype, pl.List):
        lists = lists_of(lists.cast(pl.String))
    pairs = pl.DataFrame({"user": users["user"], "friend": lists.cast(pl.List(pl.String))})
    pairs = pairs.explode("friend", empty_as_null=True).drop_nulls()
    return pairs.with_columns(tidy("friend")).unique(maintain_order=True)


def friends_of(
    pairs: pl.DataFrame, users: pl.DataFrame, *, directed: bool, shuffled: bool, seed: int
) -> pl.DataFrame:
    """Return who is whose friend.

    Args:
        pairs: columns user and friend, original ids.
        users: columns index, from 0, and user, the original id.
        directed: a pair is a friendship one way; if not, both ways.
        shuffled: each user gets the friends of another one, drawn without repeats from those who
            have some. So each has as many friends as somebody has, and they say nothing of him.
        seed: of the shuffle.

    Returns:
        Columns user and friend, indices of users, each pair once; nobody is his own friend.

    Raises:
        DataError: no pair is one of two users.
    """
    index = users.select(id="user", index=pl.col("index").cast(pl.Int64))
    found = (
        pairs.join(index.rename({"index": "u"}), left_on="user", right_on="id")
        .join(index.rename({"index": "f"}), left_on="friend", right_on="id")
        .select(user="u", friend="f")
    )
    if found.is_empty():
        raise DataError(
            f"no two of the {len(users):,} users, such as {users['user'][0]!r}, are friends"
            + (f"; the first pair is {pairs.row(0)}" if len(pairs) else ""),
            where="embedding=friends",
            todo="write the ids as the events have them",
        )
    if len(found) < len(pairs):
        say(
            f"{len(pairs) - len(found):,} of {len(pairs):,} pairs of friends have a user without "
            "events, and are left out"
        )
    if not directed:
        found = pl.concat([found, found.select(user="friend", friend="user")])
    found = found.unique().sort("user", "friend")
    if shuffled:
        having = found["user"].unique().sort()
        order = torch.randperm(len(having), generator=torch.Generator().manual_seed(seed))
        other = having.gather(order.tolist())
        found = found.with_columns(pl.col("user").replace_strict(having, other))
    return found.filter(pl.col("user") != pl.col("friend")).sort("user", "friend")


def items_of_friends(
    friends: pl.DataFrame, own_P: Tensor, *, n_users: int, n_items: int, most: int
) -> tuple[Tensor, Tensor]:
    """Return what the friends of each user had: the mean over friends of the mean over their items.

    Args:
        friends: columns user and friend.
        own_P: users' items in training, ``user * (n_items + 1) + item``.
        n_users: rows of the result.
        n_items: items without the padding id.
        most: items of a user that are kept, those of the largest weights.

    Returns:
        ``item_UM``, int64, 0 where there are no more; and ``weight_UM``, float32, which sums to 1
        for each user with a friend that has items, else to 0.
    """
    number = own_P.numpy()
    own = pl.DataFrame({"friend": number // (n_items + 1), "item": number % (n_items + 1)})
    pairs = friends.filter(pl.col("friend").is_in(own["friend"].unique().implode()))
    pairs = pairs.with_columns(share=1 / pl.len().over("user"))
    own = own.with_columns(part=1 / pl.len().over("friend"))
    weights = (
        pairs.join(own, on="friend")
        .group_by("user", "item")
        .agg(weight=(pl.col("share") * pl.col("part")).sum())
        .sort("user", "weight", "item", descending=[False, True, False])
        .with_columns(place=pl.int_range(pl.len()).over("user"))
        .filter(pl.col("place") < most)
        .with_columns(weight=pl.col("weight") / pl.col("weight").sum().over("user"))
    )
    width = max(1, min(most, int(weights["place"].to_numpy().max(initial=0)) + 1))
    item_UM = torch.zeros(n_users, width, dtype=torch.int64)
    weight_UM = torch.zeros(n_users, width)
    at = (torch.from_numpy(weights[name].to_numpy().copy()).long() for name in ("user", "place"))
    row, column = at
    item_UM[row, column] = torch.from_numpy(weights["item"].to_numpy().copy())
    weight_UM[row, column] = torch.from_numpy(weights["weight"].to_numpy().copy()).float()
    return item_UM, weight_UM
