"""What finished models say of every prefix of a batch of histories."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqrec.config.schema import Combine
from seqrec.contracts import Ranked
from seqrec.ensemble.model import AnyModel, EnsembleModel
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel
from seqrec.shapes import History


@dataclass(frozen=True)
class Voice:
    """A model and the weight of its scores."""

    model: SequenceModel
    weight: float


@dataclass(frozen=True)
class Answers:
    """Queries at N positions, of one model or several.

    Args:
        parts: for each model its ``query_ND``, its catalogue and the weight of its scores.
    """

    parts: tuple[tuple[Tensor, Ranked, float], ...]

    @torch.no_grad()
    def scores(self, part: slice) -> Tensor:
        """See :class:`~seqrec.objective._teacher.Taught`."""
        total = None
        with torch.autocast(self.parts[0][0].device.type, enabled=False):
            for query_ND, catalogue, weight in self.parts:
                score_CW = catalogue.block(query_ND[part], 1, len(catalogue)).float() * weight
                total = score_CW if total is None else total.add_(score_CW)
        assert total is not None
        return total


@torch.no_grad()
def answers(voices: Sequence[Voice], history: History, row_N: Tensor, column_N: Tensor) -> Answers:
    """Return what some models say at N positions of a batch.

    A weighted sum of scores is, up to a number that all items share, one of log-probabilities: the
    geometric mean of the models' distributions.
    """
    parts = []
    for voice in voices:
        model = voice.model.to(history.item_BL.device)
        u_BLD = model(history)
        parts.append((model.scorer(u_BLD[row_N, column_N]), model.catalogue(), voice.weight))
    return Answers(tuple(parts))


def voices_of(model: AnyModel, *, named: str, weight: float = 1.0) -> list[Voice]:
    """Return a finished model, or those of an ensemble, frozen.

    Args:
        model: the model.
        named: the key and the folder, for errors.
        weight: of its scores.

    Raises:
        ConfigError: it has no answer for each prefix of a history.
    """
    if isinstance(model, EnsembleModel):
        if model.combine is not Combine.log_probabilities:
            raise _silent("its scores are standardised, which are no log-probabilities", named)
        weights = model.weight_M.tolist()
        return [
            voice
            for member, share in zip(model.members, weights, strict=True)
            if share
            for voice in voices_of(member, named=named, weight=weight * share)  # type: ignore[arg-type]
        ]
    if not isinstance(model, SequenceModel):
        raise _silent(f"{model.title}, which answers whole histories", named)
    if not model.encoder.causal or _asks_more(model):
        raise _silent("its model answers at the end of a history alone", named)
    return [Voice(model.eval().requires_grad_(False), weight)]


def _asks_more(model: SequenceModel) -> bool:
    """Return whether the model asks by further positions, as one of masked items does."""
    one = torch.ones(1, 1, dtype=torch.int64)
    history = History(one, one[0], torch.full((1,), -1))
    return int(model.ask(history).length_B[0]) > 1


def _silent(why: str, named: str) -> ConfigError:
    return ConfigError(
        f"a teacher says what follows every prefix of a history: {why}",
        where=named,
        todo="name a run of a causal model, trained to predict the next item",
    )
