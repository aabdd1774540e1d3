"""How a model ranks when the vectors of its events are noisy."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor

from seqrec.catalogue import Catalogue
from seqrec.contracts import Loss
from seqrec.errors import ConfigError
from seqrec.evaluation.judge import Judge
from seqrec.layers.linear_cross_entropy import linear_cross_entropy
from seqrec.model import SequenceModel
from seqrec.shapes import EvalBatch, History

Way = Literal["random", "worst"]
LEAST = 1e-12  # length of a direction below which it points nowhere
SEED = 1


def evaluate_with_noise(
    model: SequenceModel,
    judge: Judge,
    batches: Iterable[EvalBatch],
    *,
    size: float,
    way: Way,
    loss: Loss | None = None,
) -> dict[str, float]:
    """Return the metrics of events whose histories have noisy vectors at the encoder's input.

    The vector of each event moves by `size` times its own length. ``random`` moves it in a
    direction drawn evenly, which depends on the batches that events are in. ``worst`` moves all
    vectors of a history in the directions that raise the softmax cross-entropy of its target most
    (the fast gradient method, Goodfellow et al. 2015), so it knows the target. The table that items
    are scored by stays as it is.

    Raises:
        ConfigError: ``worst`` is asked of a scorer without vectors.
    """
    model.eval()
    if way == "worst" and not isinstance(model.catalogue(), Catalogue):
        raise ConfigError(
            "the worst noise needs a scorer with vectors",
            where=f"scorer={type(model.scorer).__name__}",
            todo="use noise_way=random",
        )
    generator = torch.Generator().manual_seed(SEED)
    for batch in batches:
        history = model.ask(batch.history)
        with torch.no_grad():
            x_BLD = model.embed(history, judge.policy.candidate_V)
        if way == "worst":
            way_BLD = _slope(model, x_BLD, history, batch.target_B)
        else:
            way_BLD = torch.randn(x_BLD.shape, generator=generator).to(x_BLD)
        way_BLD = way_BLD / way_BLD.norm(dim=-1, keepdim=True).clamp(min=LEAST)
        noisy_BLD = x_BLD + size * x_BLD.norm(dim=-1, keepdim=True) * way_BLD
        with torch.no_grad():
            query_BD = model.scorer(model.last(noisy_BLD, history))
            judge.count(query_BD, batch, model.catalogue(), loss)
    return judge.results()


def _slope(model: SequenceModel, x_BLD: Tensor, history: History, target_B: Tensor) -> Tensor:
    """Return the gradient of the summed cross-entropy by the vectors."""
    shelf = model.catalogue()
    assert isinstance(shelf, Catalogue)
    # cuDNN's recurrent networks have no gradient while evaluating
    with torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        x_BLD = x_BLD.detach().requires_grad_()
        query_BD = model.scorer(model.last(x_BLD, history))
        bias_V = None if shelf.bias_V is None else shelf.bias_V.detach()
        loss = linear_cross_entropy(query_BD, shelf.table_VD.detach(), target_B, bias_V)
        (slope_BLD,) = torch.autograd.grad(loss * len(target_B), x_BLD)
    return slope_BLD
