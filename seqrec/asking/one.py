"""What to ask one user about."""

import polars as pl
import torch
from torch import Tensor

from seqrec.asking.strategies import STRATEGIES, Beliefs, believe
from seqrec.errors import RunError
from seqrec.machine.determinism import seed_all
from seqrec.model import SequenceModel
from seqrec.recommend import Recommender, Session


def questions(
    recommender: Recommender,
    session: Session,
    *,
    count_V: Tensor,
    strategy: str,
    k: int,
    passes: int,
    seed: int,
) -> pl.DataFrame:
    """Return the `k` items to ask about, the first first.

    Args:
        recommender: of a trained run.
        session: what is known of the user; these items aren't asked about.
        count_V: training events of each item.
        strategy: a name of :data:`~seqrec.asking.strategies.STRATEGIES`.
        k: number of questions, and length of the list that a strategy looks at.
        passes: with dropout.
        seed: of all that is drawn.

    Returns:
        Columns item, title and probability: that it is the user's next.

    Raises:
        RunError: the model isn't trained.
    """
    model = recommender.model
    if not isinstance(model, SequenceModel):
        raise RunError(
            "a model of counts has no probabilities to ask by",
            where=type(model).__name__,
            todo="name the run of a trained model",
        )
    seed_all(seed)
    candidate_V = recommender.policy.candidate_V
    assert candidate_V is not None
    batch = recommender.batch_of(session)
    with_dropout = passes if strategy == "variance" else 0
    log_p_1V, cut_11, spread_1V = believe(
        model, batch.history, candidate_V, k=k, passes=with_dropout
    )
    open_V = candidate_V.clone()
    open_V[batch.seen_item_P] = False
    item_N = open_V.nonzero().flatten()
    beliefs = Beliefs(
        log_p_1V[0, item_N],
        cut_11[0].expand(len(item_N)),
        spread_1V[0, item_N],
        count_V[item_N],
        k,
    )
    worth_N = STRATEGIES[strategy](beliefs, torch.Generator().manual_seed(seed))
    best_K = worth_N.argsort(descending=True, stable=True)[:k]
    probability = beliefs.log_p_N[best_K].exp().tolist()
    return recommender.items.table(item_N[best_K].tolist(), probability=probability)
