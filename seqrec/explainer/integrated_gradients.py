"""Integrated gradients: the gradient, followed from a baseline to the events' vectors."""

from functools import cache
from typing import ClassVar, Literal

import torch
from numpy.polynomial.legendre import leggauss

from seqrec.explainer._baselines import BASELINES
from seqrec.explainer._columns import Parts, weighed
from seqrec.question import Explanation, Question, relative_error


class IntegratedGradients:
    """Weigh an event by ``(x_t - b_t) . mean of df/dx_t`` on the way (Sundararajan et al. 2017).

    The way goes straight from the baseline `b` to the vectors `x` of all events, and the mean is
    taken by the rule of Gauss and Legendre, which is closer than equal steps. The weights sum to
    ``f(x) - f(b)``; while they miss it by more than `tolerance`, the steps are doubled.

    Args:
        baseline: ``zero``: the vector of padding; ``mean``: that of the mean item; ``items`` and
            ``users``: vectors of random items, or of other users' events, and the mean over
            `draws` of them (expected gradients; Erion et al. 2021).
        steps: gradients along the way, at first.
        most_steps: gradients at most.
        tolerance: error of the sum, as a share of what it should be.
        draws: random baselines.
        seed: of the random baselines.

    Raises:
        ConfigError: the model has no vectors, or no other users are at hand.
    """

    game: ClassVar[Literal["mask"]] = "mask"
    complete: ClassVar[bool] = True
    needs: ClassVar[Literal["vectors"]] = "vectors"

    def __init__(
        self,
        *,
        baseline: Literal["zero", "mean", "items", "users"] = "zero",
        steps: int = 16,
        most_steps: int = 512,
        tolerance: float = 0.01,
        draws: int = 10,
        seed: int = 0,
    ) -> None:
        if baseline not in BASELINES:
            raise ValueError(f"baseline={baseline}: use {', '.join(BASELINES)}")
        if not 1 <= steps <= most_steps or draws < 1 or tolerance <= 0:
            raise ValueError("use steps and draws of 1 or more, most_steps >= steps, tolerance > 0")
        self.baseline, self.steps, self.most_steps = baseline, steps, most_steps
        self.tolerance, self.draws, self.seed = tolerance, draws, seed

    def __call__(self, question: Question) -> Explanation:
        """Follow the gradient, in more steps until the sum is right."""
        x_1LD, own = question.vectors(), question.summands()
        drawn = BASELINES[self.baseline](question, self.draws, question.generator(self.seed))
        away = {name: part - drawn.get(name, 0) for name, part in own.items()}
        away_BLD = sum(away.values(), start=x_1LD.new_zeros(()))
        further = x_1LD.shape[1] - len(question)
        away_BLD = torch.nn.functional.pad(away_BLD, (0, 0, 0, further))
        with torch.no_grad():
            whole = question.score(x_1LD).item() - question.score(x_1LD - away_BLD).mean().item()
        asked, steps = 1 + len(away_BLD), self.steps
        while True:
            weight_L, column_L = self._followed(question, x_1LD, away, away_BLD, steps)
            asked += steps * len(away_BLD)
            error = relative_error(weight_L.sum().item(), whole)
            if error <= self.tolerance or 2 * steps > self.most_steps:
                about = {"baseline": self.baseline, "steps": steps, "whole": whole}
                return Explanation(weight_L, asked, error, about, column_L)
            steps *= 2

    def _followed(
        self,
        question: Question,
        x_1LD: torch.Tensor,
        away: Parts,
        away_BLD: torch.Tensor,
        steps: int,
    ) -> tuple[torch.Tensor, Parts]:
        """Return the weights of events and columns by the rule of Gauss and Legendre."""
        left_S, share_S = _rule(steps)
        gradients = [
            torch.tensordot(share_S, question.gradients(x_1LD - left_S[:, None, None] * away_LD), 1)
            for away_LD in away_BLD
        ]
        return weighed(away, torch.stack(gradients)[:, : len(question)])


@cache
def _rule(steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is left of the way at each gradient, and the share that it counts for."""
    node_S, weight_S = (torch.from_numpy(each).float() for each in leggauss(steps))
    return (1 - node_S) / 2, weight_S / 2
