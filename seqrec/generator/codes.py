"""The next item code by code: a beam over the prefixes that items have."""

import math
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.embedding.codes import CodeEmbedding
from seqrec.errors import ConfigError
from seqrec.generator._asker import Asker, Growing
from seqrec.generator._trie import Trie
from seqrec.scorer.tied import Tied
from seqrec.shapes import EvalBatch


class ByCodes:
    """Generates the codes of the next item one after the other, without scoring every item.

    A run with ``embedding=codes`` scores an item by the sum of the scores of its codes. Here the
    `width` best prefixes of each length are kept, of those that lead to an item which may be
    recommended (as TIGER decodes its semantic ids, Rajput et al. 2023, "Recommender systems with
    generative retrieval", NeurIPS). What is found is scored exactly, and the list is that of
    :class:`~seqrec.generator.topk.TopK` but for items whose first codes score too low.

    Args:
        width: prefixes that are kept; at least as many as items are asked for.
    """

    by_score: ClassVar[bool] = True
    needs_codes: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[int, float]]] = {"width": (1, 100_000)}

    def __init__(self, *, width: int = 50) -> None:
        self.width = width
        self._built: tuple[Tensor, Trie] | None = None

    def __call__(self, asker: Asker, batch: EvalBatch, n: int) -> tuple[Tensor, Tensor]:
        """Return ``item_Bn`` and ``score_Bn``; see :class:`~seqrec.generator.Generator`.

        Raises:
            ConfigError: the model's items have no codes, or its scores aren't sums over them.
        """
        embedding = _embedding(asker.model)
        width = max(n, self.width)
        return asker.grow(
            batch,
            1,
            lambda growing: self._list(growing, embedding, width, n),
            numbers=max(len(asker.catalogue), width * embedding.size),
        )

    def _list(
        self, growing: Growing, embedding: CodeEmbedding, width: int, n: int
    ) -> tuple[Tensor, Tensor]:
        asker, trie = growing.asker, self._trie(embedding.code_VC)
        query_BD: Any = asker.model.query(growing.history, asker.policy.candidate_V)
        logit_BCK = torch.einsum("bd,ckd->bck", query_BD.float(), embedding.codebooks().float())
        below_BN = F.pad(growing.allowed_RV[:, trie.item_N].int().cumsum(1), (1, 0))
        node_BW = torch.zeros(len(growing), 1, dtype=torch.int64, device=query_BD.device)
        score_BW = torch.zeros(len(growing), 1, device=query_BD.device)
        for level in range(len(trie.code) + 1):
            child_BWM, there_BWM = trie.children(level, node_BW)
            last = level == len(trie.code)  # the children are items
            child_BE = child_BWM.flatten(1)
            begin_N = trie.item_N if last else trie.begin[level]
            first_BE = child_BE if last else begin_N[child_BE]
            end_BE = child_BE + 1 if last else begin_N[child_BE + 1]
            open_BE = below_BN.gather(1, end_BE) > below_BN.gather(1, first_BE)
            more_BE = score_BW.repeat_interleave(child_BWM.shape[2], dim=1)
            if not last:
                more_BE = more_BE + logit_BCK[:, level].gather(1, trie.code[level][child_BE])
            more_BE = more_BE.masked_fill(~(open_BE & there_BWM.flatten(1)), -math.inf)
            score_BW, at_BW = more_BE.topk(min(width, more_BE.shape[1]), dim=1)
            node_BW = child_BE.gather(1, at_BW)
        item_BW = trie.item_N[node_BW].masked_fill(score_BW == -math.inf, 0)
        return _best(asker, query_BD, item_BW, n)

    def _trie(self, code_VC: Tensor) -> Trie:
        if self._built is None or self._built[0] is not code_VC:
            self._built = code_VC, Trie.of(code_VC)
        return self._built[1]


def _best(asker: Asker, query_BD: Tensor, item_BW: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Return the n best of the items that were found, by the model's scores."""
    score_BW = asker.catalogue.score(query_BD, item_BW)
    score_BW = score_BW.masked_fill((item_BW == 0) | score_BW.isnan(), -math.inf)
    score_Bn, at_Bn = score_BW.topk(min(n, score_BW.shape[1]), dim=1)
    item_Bn = item_BW.gather(1, at_Bn).masked_fill(score_Bn == -math.inf, 0)
    room = (0, n - item_Bn.shape[1])
    return F.pad(item_Bn, room), F.pad(score_Bn, room, value=-math.inf)


def _embedding(model: Any) -> CodeEmbedding:
    """Return the embedding of a model whose scores are sums over codes."""
    embedding, scorer = getattr(model, "embedding", None), getattr(model, "scorer", None)
    if isinstance(embedding, CodeEmbedding) and isinstance(scorer, Tied):
        return embedding
    raise ConfigError(
        "the items of this run have no codes that its scores are sums of",
        where="generator=codes",
        todo="choose a run with embedding=codes and scorer=tied, or generator=topk",
    )
