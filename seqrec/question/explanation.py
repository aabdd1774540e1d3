"""What an explainer returns, and what it promises."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

from seqrec.ensemble.model import AnyModel
from seqrec.errors import RunError
from seqrec.model import SequenceModel
from seqrec.question.question import DAMAGED, Game, Question

Needs = Literal["anything", "vectors", "attention", "inputs"]


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

    A model that lacks what it needs is refused before it is asked (:func:`able`).
    """

    @property
    def needs(self) -> Needs:
        """What a model must have."""
        ...

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


def able(model: AnyModel, needs: Needs) -> bool:
    """Return whether a model has what an explainer needs.

    Args:
        model: the model.
        needs: ``vectors``, which trained models have; ``attention``: of the encoder's own layers;
            ``inputs``: a head that reads these; or ``anything``, which any model does for.
    """
    if needs == "anything" or not isinstance(model, SequenceModel):
        return needs == "anything"
    has = {"vectors": True, "attention": hasattr(model.encoder, "weights")}
    return {**has, "inputs": getattr(model.head, "reads_inputs", False)}[needs]


def relative_error(total: float, whole: float) -> float:
    """Return how far the sum of weights is from the whole, over the whole."""
    return abs(total - whole) / max(abs(whole), 1e-9)
