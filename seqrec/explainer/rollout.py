"""Attention rollout: the attention of all layers, followed back to the events."""

from typing import ClassVar, Literal

import torch

from seqrec.explainer._encoder import encoder_with
from seqrec.question import Explanation, Question


class Rollout:
    """Follow the attention from the read-out through all layers (Abnar and Zuidema 2020, eq. 1).

    Of each layer it takes ``(mean of its heads + identity) / 2``, where the identity stands for the
    residual branch, and multiplies these matrices; the head's weights choose among the positions at
    the end. A head that reads inputs goes past the layers, so its weights are all there is. It is
    the same for every target.

    Raises:
        ConfigError: the encoder has no attention.
    """

    game: ClassVar[None] = None
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["attention"]] = "attention"

    @torch.no_grad()
    def __call__(self, question: Question) -> Explanation:
        """Multiply from the end, vector by matrix."""
        encoder = encoder_with("maps", question)
        model = question.sequence_model
        history = model.ask(question.history)
        x_1LD = question.vectors()
        states = model.states(x_1LD, history)
        weight_L = model.head.weights(*states, history.length_B - 1)[0].double()
        layers = [] if len(states) > 1 else encoder.maps(x_1LD, history)
        for alpha_BHLL in reversed(layers):
            alpha_LL = alpha_BHLL[0].double().mean(0)
            weight_L = (weight_L @ alpha_LL + weight_L) / 2
        return Explanation(weight_L[: len(question)], asked=2)
