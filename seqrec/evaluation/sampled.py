"""The sampled negatives that a configuration asks for."""

import numpy as np
import torch
from torch import Tensor

from seqrec.config.schema import Root, SampledBy
from seqrec.errors import ConfigError
from seqrec.ranking.sampled import SampledNegatives, draw_negatives
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits

NAMES = {SampledBy.uniform: "sampled{}", SampledBy.popularity: "sampled{}pop"}


def sampled_negatives(
    config: Root, store: SequenceStore, splits: Splits, item_count_V: Tensor
) -> SampledNegatives | None:
    """Draw negatives for the test events, from the data's hash, the seed and the events.

    Candidates are drawn uniformly, or in proportion to their training events. Returns None where
    ``evaluation.sampled`` is 0.

    Raises:
        ConfigError: as many are asked for as there are candidates.
    """
    number, by = config.evaluation.sampled, config.evaluation.sampled_by
    if not number:
        return None
    may_V = np.ones(store.n_items + 1) if splits.candidate_V is None else splits.candidate_V * 1.0
    may_V[0] = 0
    if number >= may_V.sum():
        raise ConfigError(
            f"{number} negatives are asked for, but only {int(may_V.sum()):,} items can be ranked",
            where="evaluation.sampled",
            todo="leave it out: the full ranking is always computed",
        )
    weight_V = may_V if by is SampledBy.uniform else may_V * item_count_V.numpy()
    own = draw_negatives(
        np.asarray(store.own.item),
        splits.test.within(store.own)[1],
        weight_V,
        name=NAMES[by].format(number),
        number=number,
        key=f"{store.data_hash} {config.seed}",
        first_event=store.own.first_event,
    )
    item_RS = np.concatenate(store.peers.gather(own.item_RS.numpy()))
    return SampledNegatives(own.name, torch.from_numpy(item_RS))
