"""What only the test tells: of the lists beyond accuracy, and of ranks among sampled negatives."""

from dataclasses import dataclass

import torch
from torch import Tensor

from seqrec.beyond.calibration import miscalibration
from seqrec.beyond.diversity import between_sets, between_vectors, diversity
from seqrec.beyond.exposure import exposure, popular_head
from seqrec.beyond.serendipity import serendipity
from seqrec.beyond.values import Values
from seqrec.catalogue import Catalogue
from seqrec.evaluation.evaluated import Evaluated
from seqrec.evaluation.judge import Tested
from seqrec.evaluation.popularity import evaluate_popularity


@dataclass(frozen=True)
class Conclusions:
    """Of a model's test, and of the popularity baseline's on the same events.

    Args:
        test: metrics by name, those that are counted batch by batch aside.
        popularity: all metrics of the baseline by name.
        lists: the metrics of the model's lists, list by list.
        popular: ranks and lists of the baseline.
    """

    test: dict[str, float]
    popularity: dict[str, float]
    lists: dict[str, Values]
    popular: Tested


@torch.no_grad()
def draw_conclusions(module: Evaluated) -> Conclusions:
    """Of the test that `module` comes from; this process evaluates the baseline alone."""
    assert module.tested is not None
    popularity, popular = evaluate_popularity(module)
    catalogue = module.model.catalogue()
    vector_VD = catalogue.table_VD if isinstance(catalogue, Catalogue) else None
    lists = list_metrics(module, module.tested, popular, vector_VD=vector_VD)
    popular_lists = list_metrics(module, popular, popular, vector_VD=None)
    return Conclusions(
        test=_means(lists) | sampled_metrics(module, module.tested),
        popularity=popularity | _means(popular_lists) | sampled_metrics(module, popular),
        lists=lists,
        popular=popular,
    )


def list_metrics(
    module: Evaluated, tested: Tested, popular: Tested, *, vector_VD: Tensor | None
) -> dict[str, Values]:
    """Diversity, calibration, exposure and serendipity of lists at every length.

    Args:
        module: whose data and protocol.
        tested: the lists.
        popular: those of the popularity baseline.
        vector_VD: of the items, for diversity where no categories are known; None: there are none.
    """
    ks, categories, item = module.judge.ranking.ks, module.categories, module.store.item
    assert module.facts.item_count_V is not None
    count_V = module.facts.item_count_V.numpy()
    view, top_RK = module.splits.test.take(tested.event_R), tested.top_RK
    values: dict[str, Values] = {}
    if categories is not None:
        distance, width = between_sets(categories), categories.code_VM.shape[1]
        values |= diversity("diversity", top_RK, ks, distance, width=width)
        values |= miscalibration(top_RK, ks, categories, item=item, view=view)
    elif vector_VD is not None:
        distance = between_vectors(vector_VD.float().cpu().numpy())
        width = vector_VD.shape[1]
        values |= diversity("vector_diversity", top_RK, ks, distance, width=width)
    head_V = popular_head(count_V, module.splits.candidate_V)
    values |= exposure(top_RK, ks, head_V, count_V=count_V, item=item, view=view)
    return values | serendipity(tested.rank_R, popular.rank_R, ks)


def sampled_metrics(module: Evaluated, tested: Tested) -> dict[str, float]:
    """Metrics of ranks among sampled negatives, ``{"sampled100_ndcg@10": ...}``; {}: none."""
    sampled = module.judge.negatives
    if sampled is None or tested.sampled_rank_R is None:
        return {}
    rank_R = torch.from_numpy(tested.sampled_rank_R)
    return {
        f"{sampled.name}_{name}@{k}" if gain.at_k else f"{sampled.name}_{name}": float(
            gain(rank_R, k).double().mean()
        )
        for name, gain in module.judge.ranking.gains.items()
        for k in (module.judge.ranking.ks if gain.at_k else [1])
    }


def _means(values: dict[str, Values]) -> dict[str, float]:
    """Over all lists; without metrics that are defined for none."""
    means = {name: each.mean() for name, each in values.items()}
    return {name: mean for name, mean in means.items() if mean is not None}
