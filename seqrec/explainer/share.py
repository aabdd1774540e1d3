"""Shares: what each event adds to the score through a head that sums the events' own vectors."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F

from seqrec.errors import ConfigError
from seqrec.explainer._columns import weighed
from seqrec.question import Explanation, Question, able, relative_error

STEPS = 50  # more than one only matters to scorers that aren't linear


class Share:
    """Weigh an event by its attention times its value, in the direction of the item.

    With the states held fixed, the summary of a head that reads inputs is a sum over the events,
    and so is the score of a scorer that is linear in it: ``alpha_t (V x_t) . E_i`` (RETAIN, Choi et
    al. 2016, equation 6; the direct logit attribution of Elhage et al. 2021). For other scorers it
    is the integrated gradient with the states held fixed. What an event does to the weights of the
    others is left out.

    Raises:
        ConfigError: the head doesn't read inputs.
    """

    game: ClassVar[Literal["mask"]] = "mask"
    complete: ClassVar[bool] = True
    needs: ClassVar[Literal["inputs"]] = "inputs"

    def __call__(self, question: Question) -> Explanation:
        """Read the weights once, then the shares off the head."""
        model = question.sequence_model
        if not able(model, self.needs):
            raise ConfigError(
                f"the head {type(model.head).__name__} reads states, which mix the events: none "
                "has a share of its own",
                where="method=share",
                todo="use method=integrated_gradients, or a run with head=inputs",
            )
        x_1LD, own = question.vectors(), question.summands()
        with torch.no_grad():
            h_1LD = model.states(x_1LD, model.ask(question.history))[0]
            events_1LD = sum(own.values(), start=x_1LD.new_zeros(()))
            away_1LD = F.pad(events_1LD, (0, 0, 0, x_1LD.shape[1] - len(question)))
            ends_B = question.score(torch.cat([x_1LD, x_1LD - away_1LD]), h_1LD)
        left_S = 1 - (torch.arange(STEPS) + 0.5) / STEPS
        gradient_SLD = question.gradients(x_1LD - left_S[:, None, None] * away_1LD, h_1LD)
        weight_L, column_L = weighed(own, gradient_SLD[:, : len(question)])
        error = relative_error(weight_L.sum().item(), (ends_B[0] - ends_B[1]).item())
        return Explanation(weight_L, asked=1, error=error, column_L=column_L)
