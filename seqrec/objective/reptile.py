"""A head that learns quickly from one user (Nichol et al. 2018, Reptile)."""

from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from seqrec.contracts import Loss, NegativeSampler
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, TrainBatch


class Reptile:
    """``L`` and, for the head's weights alone, ``weight (theta - phi) / (rate steps)``.

    A task is a user: `tasks` users of each batch are drawn, and for each a copy of the head takes
    `steps` steps of gradient descent on that user's events, from theta to phi (algorithm 2, in its
    batched form). The head is moved toward where its copies went, by a gradient in units of a
    loss's. With one step that is the gradient of the users' loss; more steps prefer weights from
    which few steps lead far (section 5 of the paper). A served model adapts by its input, as any
    other: its head takes no steps.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        tasks: users drawn from a batch, at least 1.
        steps: of a copy, at least 1.
        rate: of these steps, above 0.
        weight: of the head's move, at least 0.
    """

    trains: ClassVar[str] = "causal"
    needs_whole_weights: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "tasks": (1, 1 << 20),
        "steps": (1, 1000),
        "weight": (0, 1000),
    }
    ask = staticmethod(NextItem.ask)

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        tasks: int = 4,
        steps: int = 3,
        rate: float = 0.1,
        weight: float = 0.5,
    ) -> None:
        if not rate > 0:
            raise ValueError(f"objective.rate={rate} must be above 0")
        self.next = NextItem(loss=loss, negatives=negatives)
        self.tasks, self.steps, self.rate, self.weight = tasks, steps, rate, weight

    def __call__(
        self, model: SequenceModel, batch: TrainBatch
    ) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss, the number of targets, and the loss as a term.

        The head's move adds a gradient and no value.

        Raises:
            ConfigError: the head has no weights.
        """
        loss, targets, _ = self.next.of(model, batch, model(batch.history))
        head = cast(nn.Module, model.head)
        weights = head.named_parameters()
        first: dict[str, Tensor] = {name: w for name, w in weights if w.requires_grad}
        if not first:
            raise ConfigError(
                "this head has no weights that could learn from one user",
                where="objective=reptile",
                todo="choose another head, or objective=next_item",
            )
        move = loss.new_zeros(())
        chosen = torch.randperm(len(batch.history.length_B))[: self.tasks].tolist()
        for row in chosen:
            last = self._adapted(model, _one(batch, row), first)
            moves = [((w - last[name]).detach() * w).sum() for name, w in first.items()]
            move = move + torch.stack(moves).sum()
        move = move * (self.weight / (self.rate * self.steps * len(chosen)))
        return loss + (move - move.detach()), len(targets.item_N), {"reptile": loss}

    def _adapted(
        self, model: SequenceModel, one: TrainBatch, first: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Return the head's weights after steps on one user."""
        with torch.no_grad():
            states = model.states(model.embed(one.history), one.history)
        weights = {name: w.detach().requires_grad_() for name, w in first.items()}
        for _ in range(self.steps):
            u_BLD: Any = functional_call(cast(nn.Module, model.head), weights, states)
            loss, _, _ = self.next.of(model, one, u_BLD)
            slopes = torch.autograd.grad(loss, [*weights.values()], allow_unused=True)
            weights = {
                name: w if slope is None else (w - self.rate * slope).detach().requires_grad_()
                for (name, w), slope in zip(weights.items(), slopes, strict=True)
            }
        return weights

    def held_out(self, model: SequenceModel, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, by the head as it is."""
        return self.next.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next.scores_bytes(n_items, device_type, half=half)


def _one(batch: TrainBatch, row: int) -> TrainBatch:
    """Return one sequence of a batch, without its padding."""
    place_1 = torch.tensor([row], device=batch.prefix_B.device)
    width = int(batch.history.length_B[row])
    history = batch.history.take(place_1)
    return TrainBatch(
        history=type(history)(
            item_BL=history.item_BL[:, :width],
            length_B=history.length_B,
            user_B=history.user_B,
            event={name: value[:, :width] for name, value in history.event.items()},
            asked_B=history.asked_B,
        ),
        prefix_B=batch.prefix_B[place_1],
        target_BL=batch.target_BL[place_1, :width],
        rating_BL=None if batch.rating_BL is None else batch.rating_BL[place_1, :width],
        weight=batch.weight,
    )
