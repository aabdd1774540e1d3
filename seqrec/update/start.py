"""What an updated run takes over: the weights it begins with, and the answers it stays near to."""

import copy
import math
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.optim import Optimizer

from seqrec.config.trust import Trust
from seqrec.config.typed import plain_values
from seqrec.contracts import Growth, Objective
from seqrec.errors import RunError
from seqrec.evaluation.task import Task
from seqrec.facts import Facts
from seqrec.model import SequenceModel
from seqrec.recommend.load import parts_of
from seqrec.run.audited import weights_hash
from seqrec.run.checkpoints import read_checkpoint
from seqrec.run.folder import RunFolder
from seqrec.shapes import History, TrainBatch, position_mask
from seqrec.update.moments import Moments, grown_moments, moments_of, warm
from seqrec.update.source import read_known
from seqrec.update.transfer import Before, carries_of, frozen, transferred

SCORES = 2**21  # of the catalogue, that distillation holds at once
SHARE = 0.25  # of the sequences of a batch that the earlier model is asked about


class Inherited:
    """Begin with the weights of an earlier run, and keep its answers by distillation.

    To the loss of each batch it adds ``distil`` times the Kullback-Leibler divergence of the
    earlier model's distribution over the items it knew from the new model's, at as many positions
    as a budget of scores allows (Hinton et al. 2015; Mi et al. 2020, ADER).

    Args:
        parent: the folder of the earlier run.
        weights: sha256 of its best checkpoint.
        fingerprint: of that run.
        growth: makes the rows of new items.
        had: users, items and events of its data.
        typed: the command that made this run.
        distil: weight of the divergence; 0: none.
        keep: share of the earlier weights in those of the new model, from 0 to less than 1; see
            :class:`~seqrec.training.averaging.MovingAverage`.
    """

    meaning: ClassVar[dict[str, str]] = {"parent": "file", "typed": "label"}

    def __init__(
        self,
        *,
        parent: str,
        weights: str,
        fingerprint: str,
        growth: Growth,
        had: dict[str, int],
        typed: str | None = None,
        distil: float = 0.25,
        keep: float = 0.5,
    ) -> None:
        if not distil >= 0:
            raise ValueError(f"update.distil={distil} must be at least 0")
        if not 0 <= keep < 1:
            raise ValueError(f"update.keep={keep} must be in 0 <= . < 1")
        self.parent, self.weights, self.fingerprint = parent, weights, fingerprint
        self.growth, self.had, self.typed = growth, had, typed
        self.distil, self.keep = distil, keep
        self.teacher: SequenceModel | None = None
        self.moments: Moments = {}
        self.known_V = torch.zeros(0, dtype=torch.bool)

    def begin(self, model: SequenceModel, task: Task, config: Any, facts: Facts) -> None:
        """Give `model` the weights of the earlier run, and keep a frozen copy to distil from.

        Raises:
            RunError: that run is gone, has changed, or its weights don't fit.
        """
        before, folder = self._before(config, facts)
        model.load_state_dict(self._state(before, model, task, facts))
        moments = moments_of(read_checkpoint(folder.best), before.model)
        carries = dict(carries_of(before, model, facts, task.store))
        self.moments = grown_moments(moments, before, model, carries)
        if self.distil:
            teacher = copy.deepcopy(model)
            self.teacher = frozen(teacher)  # type: ignore[assignment]

    def state(
        self, model: SequenceModel, task: Task, config: Any, facts: Facts
    ) -> dict[str, Tensor]:
        """Return the state of `model` that answers as the earlier run did."""
        return self._state(self._before(config, facts)[0], model, task, facts)

    def warm(self, optimizer: Optimizer, model: SequenceModel) -> None:
        """Let the optimizer begin with what that of the earlier run knew of its gradients.

        A new one would take the first gradients for typical ones, and move the rows of items that
        are seldom a target too little.
        """
        warm(optimizer, model, self.moments)
        self.moments = {}

    def _before(self, config: Any, facts: Facts) -> tuple[Before, RunFolder]:
        """Return the earlier run."""
        folder = RunFolder.open(self.parent, Trust.of(plain_values(config)))
        if weights_hash(folder) != self.weights:
            raise RunError(
                "the run that this one updates has changed since",
                where=self.parent,
                todo="restore its folder, or update it again",
            )
        parts, then = parts_of(folder), Facts.read(folder.about()["facts"])
        events = parts["catalogue"]["item_events"].to_numpy() > 0
        known_V = torch.cat([torch.zeros(1, dtype=torch.bool), torch.from_numpy(events)])
        self.known_V = torch.zeros(facts.n_items + 1, dtype=torch.bool)
        self.known_V[: len(known_V)] = known_V
        users = read_known(_known(config)).users
        return Before(parts["model"], then, known_V, users), folder

    def _state(
        self, before: Before, model: SequenceModel, task: Task, facts: Facts
    ) -> dict[str, Tensor]:
        return transferred(
            before,
            model,
            facts,
            store=task.store,
            train=task.splits.train,
            growth=self.growth,
        )

    def learn(
        self, objective: Objective, model: SequenceModel, batch: TrainBatch, generator: Generator
    ) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss of the objective with the divergence, and the terms by name."""
        heard = Heard(model)
        loss, targets, terms = objective(heard, batch)
        if self.teacher is None or heard.asked is None:
            return loss, targets, terms
        distil = self._divergence(model, *heard.asked, generator)
        return loss + self.distil * distil, targets, terms | {"distil": distil}

    def _divergence(
        self, model: SequenceModel, history: History, u_BLD: Tensor, generator: Generator
    ) -> Tensor:
        """Return the mean divergence at some positions of a batch."""
        assert self.teacher is not None
        teacher, known_V = self.teacher.to(u_BLD.device), self.known_V.to(u_BLD.device)
        row_R = _drawn(len(u_BLD), math.ceil(SHARE * len(u_BLD)), generator).to(u_BLD.device)
        history, u_RLD = history.take(row_R), u_BLD[row_R]
        place_N2 = position_mask(history.length_B, u_BLD.shape[1]).nonzero()
        most = max(1, SCORES // len(known_V))
        place_N2 = place_N2[_drawn(len(place_N2), most, generator).to(u_BLD.device)]
        row_N, column_N = place_N2.unbind(1)
        with torch.no_grad():
            then_RLD = teacher(history.masked(known_V))
            wanted_NV = _scores(teacher, then_RLD[row_N, column_N], known_V).log_softmax(1)
        found_NV = _scores(model, u_RLD[row_N, column_N], known_V).log_softmax(1)
        return F.kl_div(found_NV, wanted_NV, log_target=True, reduction="batchmean")


def _drawn(size: int, most: int, generator: Generator) -> Tensor:
    """Return the places of a sample: all if there are no more than `most`."""
    order = torch.randperm(size, generator=generator, device=generator.device)
    return order[:most]


def _scores(model: SequenceModel, u_ND: Tensor, known_V: Tensor) -> Tensor:
    """Return the scores of all items, float32, minus a large number for unknown ones."""
    catalogue = model.catalogue()
    score_NV = catalogue.block(model.scorer(u_ND), 0, len(catalogue)).float()
    return score_NV.masked_fill(~known_V, -1e9)


class Heard:
    """A model that remembers what it was first asked and answered.

    That is the plain pass of an objective that makes several.
    """

    def __init__(self, model: SequenceModel) -> None:
        self.model = model
        self.asked: tuple[History, Tensor] | None = None

    def __call__(self, history: History) -> Tensor:
        """Ask the model."""
        return self._remember(history, self.model(history))

    def read(self, x_BLD: Tensor, history: History) -> Tensor:
        """Ask the model from its vectors on."""
        return self._remember(history, self.model.read(x_BLD, history))

    def _remember(self, history: History, u_BLD: Tensor) -> Tensor:
        self.asked = self.asked or (history, u_BLD)
        return u_BLD

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


def _known(config: Any) -> Path:
    return Path(config.data["known_path"])
