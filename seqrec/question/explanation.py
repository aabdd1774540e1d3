"""What an explainer returns, and what it promises."""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from torch import Tensor

from seqrec.errors import RunError
from seqrec.question.question import DAMAGED, Game, Question


@dataclass(frozen=True)
class Explanation:
    """How much each event of a history counts for the question.

    Args:
        weight_L: float64, oldest event first; larger speaks more for the target, negative against.
        asked: histories that were asked for it.
        error: for a complete method, how far the weights' sum is from what they should sum to, over
            that; else None.
        about: what else the method says of it, fit for JSON.
        column_L: weights of the parts of each event's vector (``item``, its features, its context),
            by name, if the method tells them apart and there are several.

    Raises:
        RunError: a weight isn't a finite number.
    """

    weight_L: Tensor
    asked: int
    error: float | None = None
    about: dict[str, Any] = field(default_factory=dict)
    column_L: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(w.isfinite().all() for w in (self.weight_L, *self.column_L.values())):
            raise RunError("the weights of the events aren't finite numbers", todo=DAMAGED)


class Explainer(Protocol):
    """A method that weighs the events of a history.

    ``needs`` says what a model must have: ``vectors`` (trained models do), ``attention`` (an
    encoder with weights of its own), or ``anything``; a model without it is refused before it is
    asked.
    """

    needs: ClassVar[Literal["anything", "vectors", "attention"]]

    @property
    def game(self) -> Game | None:
        """How it takes events away, if it does."""
        ...

    @property
    def complete(self) -> bool:
        """Whether its weights sum to what the events add to the score."""
        ...

    def __call__(self, question: Question) -> Explanation:
        """Weigh the events."""
        ...


def relative_error(total: float, whole: float) -> float:
    """Return how far the sum of weights is from the whole, over the whole."""
    return abs(total - whole) / max(abs(whole), 1e-9)
