"""What each training user's data is worth to others: Shapley values in the game of neighbours."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.store.store import SequenceStore
from seqrec.store.views import View

CELLS = 1 << 24  # similarities that are held at once


def neighbour_values(match_QN: Tensor, k: int) -> Tensor:
    """Return each player's exact Shapley value in the game of the k nearest, for each question.

    A coalition is worth the number of its k nearest players that match, over k. Jia et al. 2019,
    "Efficient task-specific data valuation for nearest neighbor algorithms", theorem 1: from the
    farthest of N players to the nearest,
    ``s_i = s_(i+1) + (match_i - match_(i+1)) / k * min(k, i) / i``. The values of a question sum to
    what all players are worth together.

    Args:
        match_QN: bool, whether a player matches; the players of each question from near to far.
        k: neighbours that count.

    Returns:
        float64, in the order of `match_QN`.
    """
    match_QN = match_QN.double()
    players = match_QN.shape[1]
    place_N = torch.arange(1, players + 1, dtype=torch.float64)
    share_N = place_N.clamp(max=k) / (k * place_N)
    step_QN = match_QN.clone()
    step_QN[:, :-1] -= match_QN[:, 1:]
    return (step_QN * share_N).flip(1).cumsum(1).flip(1)


def user_values(store: SequenceStore, train: View, held_out: View, *, k: int) -> Tensor:
    """Return what the training events of each user are worth to the others, (U,), float64.

    The players are users with training events; a question is a held-out event of another user. Near
    is who shares most items with the history (cosine of the sets), and a player matches who has the
    target. The value is the mean over the questions: positive for users whose events tell others'
    next ones, negative for those who crowd out better neighbours. Ties are in the order of users.

    Args:
        store: the data.
        train: training events.
        held_out: events that ask.
        k: neighbours that count.
    """
    total_U = torch.zeros(store.n_users, dtype=torch.float64)
    for order_QN, match_QN in _questions(store, train, held_out):
        total_U.index_add_(0, order_QN.flatten(), neighbour_values(match_QN, k).flatten())
    return total_U / max(1, len(held_out))


def table_of(store: SequenceStore, train: View, value_U: Tensor) -> pl.DataFrame:
    """Return the columns user (the original id), events and value of training users, best first."""
    events = np.bincount(train.user, train.end - train.start, store.n_users).astype(np.int64)
    users = store.users().select("user", events=pl.Series(events), value=pl.Series(value_U.numpy()))
    return users.filter(pl.col("events") > 0).sort("value", descending=True, maintain_order=True)


def worth(store: SequenceStore, train: View, held_out: View, keep_U: Tensor, *, k: int) -> float:
    """Return the mean share of the k nearest kept users who have the target."""
    total = 0.0
    for order_QN, match_QN in _questions(store, train, held_out):
        kept_QN = keep_U[order_QN]
        near_QN = kept_QN & (kept_QN.cumsum(1) <= k)
        total += float((near_QN & match_QN).sum() / k)
    return total / max(1, len(held_out))


def removals(
    store: SequenceStore, train: View, held_out: View, value_U: Tensor, *, k: int, seed: int = 0
) -> pl.DataFrame:
    """Return what is left when the users of least value, of most, or random ones are taken away.

    Returns:
        Columns removed (the share of users), least, most and random: see :func:`worth`.
    """
    having = torch.from_numpy(np.unique(train.user))
    by_value = having[value_U[having].argsort(stable=True)]
    shuffled = torch.randperm(len(having), generator=torch.Generator().manual_seed(seed))
    orders = {"least": by_value, "most": by_value.flip(0), "random": having[shuffled]}
    rows = []
    for share in (0.0, 0.1, 0.2, 0.4):
        row: dict[str, float] = {"removed": share}
        for name, order in orders.items():
            keep_U = torch.ones(store.n_users, dtype=torch.bool)
            keep_U[order[: round(share * len(order))]] = False
            row[name] = worth(store, train, held_out, keep_U, k=k)
        rows.append(row)
    return pl.DataFrame(rows)


def _questions(
    store: SequenceStore, train: View, held_out: View
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the players of some questions from near to far, and whether each matches.

    Whoever asks is the farthest player of his own question, and doesn't match.
    """
    has_UV = _sets(store, train, store.n_users)
    player_N = torch.from_numpy(np.unique(train.user))
    size_N = torch.sparse.sum(has_UV, dim=1).to_dense()[player_N]
    step = max(1, CELLS // (store.n_users + store.n_items))
    for first in range(0, len(held_out), step):
        view = held_out.take(np.arange(first, min(first + step, len(held_out))))
        rows = View(np.arange(len(view)), view.start, view.end)
        asked_QV = _sets(store, rows, len(view)).to_dense()
        near_QN = torch.sparse.mm(has_UV, asked_QV.T).T[:, player_N]
        near_QN = near_QN / (size_N * asked_QV.sum(1, keepdim=True)).sqrt().clamp(min=1)
        target_Q = torch.from_numpy(store.item[view.end].astype(np.int64))
        wanted_VQ = torch.zeros(store.n_items + 1, len(view))
        wanted_VQ[target_Q, torch.arange(len(view))] = 1
        match_QN = torch.sparse.mm(has_UV, wanted_VQ).T[:, player_N] > 0
        own_QN = player_N == torch.from_numpy(view.user)[:, None]
        place_QN = near_QN.masked_fill(own_QN, -1).argsort(dim=1, descending=True, stable=True)
        yield player_N[place_QN], (match_QN & ~own_QN).gather(1, place_QN)


def _sets(store: SequenceStore, view: View, rows: int) -> Tensor:
    """Return which items each user of a view has, as a sparse matrix of ones."""
    user = np.repeat(view.user, view.end - view.start)
    pair = np.unique(user * (store.n_items + 1) + store.item[view.positions()])
    index = torch.from_numpy(np.stack([pair // (store.n_items + 1), pair % (store.n_items + 1)]))
    ones = torch.ones(len(pair))
    size = (rows, store.n_items + 1)
    return torch.sparse_coo_tensor(index, ones, size, check_invariants=True).coalesce()
