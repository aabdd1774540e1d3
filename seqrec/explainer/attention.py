"""Attention: the weights that a model gives the events itself."""

from typing import ClassVar, Literal

import torch

from seqrec.errors import ConfigError
from seqrec.explainer._encoder import encoder_with
from seqrec.question import Explanation, Needs, Question


class Attention:
    """Weigh an event by the attention that it gets when the model reads the history out.

    It says how much of an event's hidden state is read, not what this state does to the score, and
    hidden states hold earlier events as well. It is the same for every target. For a baseline it is
    the weight of the event's row in the score.

    Args:
        of: ``head``: the head's weights; ``encoder``: those of the encoder's last layer at the last
            position, the mean over its heads.

    Raises:
        ConfigError: the encoder has no weights.
    """

    game: ClassVar[None] = None
    complete: ClassVar[bool] = False

    def __init__(self, *, of: Literal["head", "encoder"] = "head") -> None:
        if of not in ("head", "encoder"):
            raise ValueError(f"of={of}: use head or encoder")
        self.of = of
        self.needs: Needs = "anything" if of == "head" else "attention"

    @torch.no_grad()
    def __call__(self, question: Question) -> Explanation:
        """Read the weights off one pass of the model."""
        if self.of == "head":
            alpha_BL = question.model.attention(question.history, question.policy.candidate_V)
            return Explanation(alpha_BL[0].double(), asked=1)
        encoder = encoder_with("weights", question)
        asked = question.sequence_model.ask(question.history)
        alpha_BHL = encoder.weights(question.vectors(), asked)
        if not alpha_BHL.shape[1]:
            raise ConfigError(
                "the encoder has no layer, and so no attention",
                where="method=attention of=encoder",
                todo="use of=head",
            )
        return Explanation(alpha_BHL[0].double().mean(0)[: len(question)], asked=1)
