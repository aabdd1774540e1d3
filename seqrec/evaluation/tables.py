"""The test events as tables: the ranks of their targets, and the recommended items."""

import numpy as np
import polars as pl

from seqrec.evaluation.judge import Tested
from seqrec.evaluation.slices import GROUP
from seqrec.evaluation.task import Task
from seqrec.ranking.popular import popular_head
from seqrec.store.files import Values
from seqrec.store.store import SequenceStore
from seqrec.store.views import View


def judged_events(task: Task, tested: Tested, popular: Tested) -> pl.DataFrame:
    """Return the test events with their ranks, in the order of the split.

    If processes share the store, each tells the others of its own events.

    Args:
        task: the evaluation task.
        tested: ranks and lists of the model's test.
        popular: ranks and lists of the popularity baseline.

    Returns:
        Columns user and item (of the target; original ids), history (events before the target),
        user_events and item_events (training events of the two), head (whether the target is a
        popular item), random (whether it was shown at random, if the data has a column exposure),
        rank and popularity_rank (from 1); and the user's group by each attribute,
        ``user.gender`` for example, null where it is missing.
    """
    train, store = task.splits.train, task.store
    view = task.splits.test.take(tested.event_R)
    events_U = np.zeros(store.n_users, dtype=np.int64)
    np.add.at(events_U, train.user, train.end - train.start)
    head_V = popular_head(task.popularity.numpy(), task.splits.candidate_V)
    target, count_V = _at_ends(view, store.own.item, store), task.item_count_V.numpy()
    return pl.DataFrame(
        {
            "user": store.users()["user"].gather(view.user),
            "item": store.items()["item"].gather(target - 1),
            "history": view.end - view.start,
            "user_events": events_U[view.user],
            "item_events": count_V[target],
            "head": head_V[target],
            **_exposure(store, view),
            "rank": tested.rank_R,
            "popularity_rank": popular.rank_R,
            **{f"{GROUP}{n}": group_U.gather(view.user) for n, group_U in task.groups.items()},
        }
    )


def _at_ends(view: View, own: Values, store: SequenceStore) -> np.ndarray:
    """Return the values of a column at the targets of a view, of which each process has its own."""
    return np.concatenate(store.peers.gather(own[view.within(store.own)[1].end]))


def _exposure(store: SequenceStore, view: View) -> dict[str, np.ndarray]:
    """Return whether chance showed the targets, if some were shown by chance."""
    shown = store.categories.get("exposure", [])
    if "random" not in shown:
        return {}
    code_R = _at_ends(view, store.own.context["exposure"], store)
    return {"random": code_R == 1 + shown.index("random")}


def listed_items(events: pl.DataFrame, tested: Tested, ids: pl.Series) -> pl.DataFrame:
    """Return what was recommended at each test event, in the order of the split.

    Args:
        events: see :func:`judged_events`.
        tested: ranks and lists of the model's test.
        ids: the original ids of the items.

    Returns:
        Columns user and item (of the target; original ids), and recommended: a list of ids, best
        first, of the longest length in ``evaluation.ks``, or shorter if candidates run out.
    """
    top_RK = tested.top_RK
    row = pl.Series(top_RK.ravel().astype(np.int64) - 1)
    listed = ids.gather(row.set(row < 0, None)).reshape(top_RK.shape).arr.to_list()
    return events.select("user", "item").with_columns(recommended=listed.list.drop_nulls())
