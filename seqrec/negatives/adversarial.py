"""Negatives from a generator that learns to draw hard ones (Wang et al. 2017, IRGAN)."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.contracts import Ranked
from seqrec.negatives._keep import keep_mask
from seqrec.shapes import Negatives, Targets

MOST = 2**24  # items that torch.multinomial can draw from
SCORES = 2**22  # scores of the generator held at once


class Adversarial(nn.Module):
    """Draw from ``softmax(g(q, .) / temperature)``, where g is a small scorer of its own.

    ``g(q, i) = (W q) . G_i + c_i`` reads the model's query, and no gradient returns through it. The
    generator is the adversary of the model: its reward for a draw is the pairwise loss that the
    draw costs the model, ``log(1 + exp(s_draw - s_target))`` (0 for the target itself), and it
    learns by REINFORCE (Williams 1992). The mean reward of a position's S draws is their baseline,
    so the normaliser of the softmax drops out of the gradient:
    ``-1 / (S - 1) sum_s (r_s - mean r) g(q, i_s) / temperature``.

    A draw needs the generator's scores of the whole catalogue, in chunks and without gradient, so a
    step takes about as long as one with the full softmax. The optimizer of the run trains the
    generator, at the run's rate.

    Args:
        n_items: items without the padding id.
        dim: width D of the queries.
        width: of the generator's vectors.
        num: number of negatives S of a position, at least 2.
        temperature: of the draws; larger is nearer to even.
        exclude_own: never use an item of a sequence as its negative.
    """

    sees_queries: ClassVar[bool] = True
    needs_negative_terms: ClassVar[bool] = True
    needs_vectors: ClassVar[bool] = True

    def __init__(
        self,
        *,
        n_items: int,
        dim: int,
        width: int = 16,
        num: int = 64,
        temperature: float = 1.0,
        exclude_own: bool = False,
    ) -> None:
        super().__init__()
        if num < 2:
            raise ValueError(f"negatives.num={num} must be at least 2: draws are compared")
        if width < 1:
            raise ValueError(f"negatives.width={width} must be at least 1")
        if not temperature > 0:
            raise ValueError(f"negatives.temperature={temperature} must be above 0")
        if n_items >= MOST:
            raise ValueError(f"negatives=adversarial draws from fewer than {MOST:,} items")
        self.n_items, self.num = n_items, num
        self.temperature, self.exclude_own = temperature, exclude_own
        self.reader = nn.Linear(dim, width, bias=False)
        self.item_VD = nn.Parameter(torch.randn(n_items + 1, width) * width**-0.5)
        self.bias_V = nn.Parameter(torch.zeros(n_items + 1))

    def forward(
        self, targets: Targets, item_BL: Tensor, query_ND: Tensor, catalogue: Ranked
    ) -> Negatives:
        """Draw for the positions `targets` of the sequences `item_BL`."""
        query_ND = query_ND.detach().float()
        read_ND = self.reader(query_ND)
        drawn_NS, log_q_NS = self._draw(read_ND)
        keep_NS = keep_mask(
            drawn_NS, targets, item_BL, n_items=self.n_items, exclude_own=self.exclude_own
        )
        lesson = None
        if torch.is_grad_enabled():
            reward_NS = _reward(query_ND, targets, catalogue, drawn_NS) * keep_NS
            ahead_NS = reward_NS - reward_NS.mean(1, keepdim=True)
            score_NS = torch.einsum("nd,nsd->ns", read_ND, self.item_VD[drawn_NS])
            score_NS = (score_NS + self.bias_V[drawn_NS]) / self.temperature
            lesson = -(ahead_NS * score_NS).sum(1).mean() / (self.num - 1)
        return Negatives(drawn_NS, log_q_NS, keep_NS, lesson)

    @torch.no_grad()
    def _draw(self, read_ND: Tensor) -> tuple[Tensor, Tensor]:
        """Return items and their log probabilities, (N, S)."""
        drawn, log_q = [], []
        for read_CD in read_ND.split(max(1, SCORES // self.n_items)):
            score_CV = torch.addmm(self.bias_V[1:], read_CD, self.item_VD[1:].T) / self.temperature
            log_CV = score_CV.log_softmax(1)
            place_CS = torch.multinomial(log_CV.exp(), self.num, replacement=True)
            drawn.append(place_CS + 1)
            log_q.append(log_CV.gather(1, place_CS))
        return torch.cat(drawn), torch.cat(log_q)


@torch.no_grad()
def _reward(query_ND: Tensor, targets: Targets, catalogue: Ranked, drawn_NS: Tensor) -> Tensor:
    """Return the pairwise loss of each draw under the model."""
    target_N1 = catalogue.score(query_ND, targets.item_N).unsqueeze(1)
    return nn.functional.softplus(catalogue.score(query_ND, drawn_NS) - target_N1)
