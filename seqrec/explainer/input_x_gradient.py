"""Input times gradient: what each event's vector adds to the score, to first order."""

from typing import ClassVar, Literal

from seqrec.explainer._columns import weighed
from seqrec.question import Explanation, Question


class InputXGradient:
    """Weigh an event by ``x_t . df/dx_t`` (Shrikumar et al. 2016).

    It is exact for a model that is linear in its vectors. Others saturate, and then their gradient
    is small although the event counts: ``integrated_gradients`` follows it from nothing to `x`.
    """

    game: ClassVar[None] = None
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["vectors"]] = "vectors"

    def __call__(self, question: Question) -> Explanation:
        """Ask once, for the gradient."""
        gradient_1LD = question.gradients(question.vectors())[:, : len(question)]
        weight_L, column_L = weighed(question.summands(), gradient_1LD)
        return Explanation(weight_L, asked=1, column_L=column_L)
