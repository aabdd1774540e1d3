"""Ways to choose what to ask about: of a user and an item, how much an answer would tell.

A question is "did you have this item?". Each strategy maps what a model believes about N such
questions to a number for each; the largest are asked first.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from seqrec.contracts import Ranked
from seqrec.model import SequenceModel
from seqrec.shapes import History


@dataclass(frozen=True)
class Beliefs:
    """What a model believes about N questions, each about an item of a user.

    Args:
        log_p_N: logarithm of the item's probability to be the user's next.
        cut_N: the same of the last item of the user's list.
        spread_N: variance of `log_p_N` over passes with dropout.
        count_N: events of the item that are known, of all users.
        k: length of the list.
    """

    log_p_N: Tensor
    cut_N: Tensor
    spread_N: Tensor
    count_N: Tensor
    k: int


def entropy(beliefs: Beliefs, generator: Generator) -> Tensor:
    """Return the entropy of the answer: whether the item is among the user's next k.

    Its probability is ``1 - (1 - p)^k``, as if these were drawn one by one.
    """
    no_N = beliefs.k * torch.log1p(-beliefs.log_p_N.exp().clamp(max=1 - 1e-6))
    yes_N = torch.log(-torch.expm1(no_N).clamp(max=-1e-30))
    return -(yes_N.exp() * yes_N + no_N.exp() * no_N)


def margin(beliefs: Beliefs, generator: Generator) -> Tensor:
    """Prefer items near the end of the user's list: an answer would move them in or out."""
    return -(beliefs.log_p_N - beliefs.cut_N).abs()


def variance(beliefs: Beliefs, generator: Generator) -> Tensor:
    """Prefer items that passes with dropout disagree on (Gal and Ghahramani 2016)."""
    return beliefs.spread_N


def popularity(beliefs: Beliefs, generator: Generator) -> Tensor:
    """Prefer items that many users had, who can therefore be told apart (Rashid et al. 2002)."""
    return beliefs.count_N.float()


def random(beliefs: Beliefs, generator: Generator) -> Tensor:
    """Choose blindly."""
    return torch.rand(len(beliefs.log_p_N), generator=generator)


Strategy = Callable[[Beliefs, Generator], Tensor]
STRATEGIES: dict[str, Strategy] = {
    each.__name__: each for each in (entropy, margin, variance, popularity, random)
}


@torch.no_grad()
def believe(
    model: SequenceModel, history: History, known_V: Tensor | None, *, k: int, passes: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``log_p_BV``, ``cut_B1`` and ``spread_BV`` of whole histories.

    Args:
        model: whose dropout is on for `passes` passes, and off otherwise.
        history: what is known of the users.
        known_V: items that the model may be asked about, False for the padding; None: all.
        k: length of a list; items of the history aren't in it.
        passes: with dropout; 0: the variance is 0.
    """
    model.eval()
    log_p_BV = _log_p(model, history, known_V)
    new_BV = log_p_BV.scatter(1, history.item_BL, -torch.inf)
    cut_B1 = new_BV.topk(min(k, new_BV.shape[1] - 1), dim=1).values[:, -1:]
    mean_BV, square_BV = torch.zeros_like(log_p_BV), torch.zeros_like(log_p_BV)
    model.train()
    for number in range(passes):  # Welford's update, as two close numbers would cancel
        found_BV = _log_p(model, history, known_V).nan_to_num(neginf=0.0)
        step_BV = found_BV - mean_BV
        mean_BV += step_BV / (number + 1)
        square_BV += step_BV * (found_BV - mean_BV)
    model.eval()
    return log_p_BV, cut_B1, square_BV / max(1, passes - 1)


def _log_p(model: SequenceModel, history: History, known_V: Tensor | None) -> Tensor:
    """Return ``log_p_BV``; minus infinity for the padding and for what isn't known."""
    catalogue: Ranked = model.catalogue()
    score_BV = catalogue.block(model.query(history, known_V), 0, len(catalogue)).float()
    score_BV[:, 0] = -torch.inf
    if known_V is not None:
        score_BV = score_BV.masked_fill(~known_V.to(score_BV.device), -torch.inf)
    return score_BV.log_softmax(1)
