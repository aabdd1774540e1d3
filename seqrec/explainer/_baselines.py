"""What vectors are compared with: none, the mean item, random items, other users' events."""

from collections.abc import Callable

import torch
from torch import Tensor

from seqrec.errors import ConfigError
from seqrec.explainer._columns import Parts
from seqrec.model import summands_of
from seqrec.question import Question
from seqrec.shapes import History


def zero(question: Question, draws: int, generator: torch.Generator) -> Parts:
    """Return zeros, the vector of padding."""
    return {name: torch.zeros_like(part) for name, part in question.summands().items()}


def mean(question: Question, draws: int, generator: torch.Generator) -> Parts:
    """Return the mean vector of all items that the model knows, without context."""
    known = _vectors(question, _known(question)[None])
    return {name: part.mean(1, keepdim=True) for name, part in known.items()}


def items(question: Question, draws: int, generator: torch.Generator) -> Parts:
    """Return vectors of items drawn evenly from all that the model knows, without context."""
    known = _known(question)
    at = torch.randint(len(known), (draws, len(question)), generator=generator)
    return _vectors(question, known[at])


def users(question: Question, draws: int, generator: torch.Generator) -> Parts:
    """Return vectors of events drawn evenly from those of other users.

    Raises:
        ConfigError: the question has no other users.
    """
    others = question.others
    if others is None:
        raise ConfigError(
            "baseline=users compares with other users, and none are at hand",
            where="explainer.baseline",
            todo="give the question others=, or use baseline=items, which draws random items",
        )
    width = others.item_BL.shape[1]
    event_N2 = (torch.arange(width) < others.length_B[:, None]).nonzero()
    chosen = torch.randint(len(event_N2), (draws, len(question)), generator=generator)
    row, column = event_N2[chosen].unbind(-1)
    with torch.no_grad():
        parts = question.sequence_model.summands(others, question.policy.candidate_V)
    return {name: part[row, column] for name, part in parts.items()}


BASELINES: dict[str, Callable[[Question, int, torch.Generator], Parts]] = {
    "zero": zero,
    "mean": mean,
    "items": items,
    "users": users,
}


def _known(question: Question) -> Tensor:
    """Return the items that training saw, or all items where the policy lists none."""
    candidate_V = question.policy.candidate_V
    if candidate_V is None:
        return torch.arange(1, len(question.catalogue))
    return candidate_V.nonzero().squeeze(1)


def _vectors(question: Question, item_BL: Tensor) -> Parts:
    """Return the parts of vectors of items alone, as histories of unknown users."""
    rows, width = item_BL.shape
    history = History(item_BL, torch.full((rows,), width), torch.full((rows,), -1))
    with torch.no_grad():
        return summands_of(question.sequence_model.embedding, history, "item")
