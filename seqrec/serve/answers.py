"""Lists as answers: chosen by the policy, explained, and as they are logged."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.batch import Batch
from seqrec.feedback import FALLBACK, Slate
from seqrec.index import Found
from seqrec.policy import Policy
from seqrec.recommend.session import Session
from seqrec.serve.choice import REASONS
from seqrec.serve.ladder import MODEL, POPULAR, SIMILAR
from seqrec.serve.model import Model
from seqrec.serve.models import Loaded
from seqrec.serve.refusal import RequestError
from seqrec.serve.schema import Settings

TOLD_EVENTS = 3  # that a recommendation is said to rest on


@dataclass
class Answer:
    """The answer to one session, while it is made.

    Args:
        request_id: unique.
        name: the id of the session; None: the request brought its items.
        loaded: what answers it.
        batch: the session as the model reads it; None: it has nothing to read.
        unknown: names that the catalogue lacks, by field.
        reason: why the list is empty or not the model's, a key of
            :data:`~seqrec.serve.choice.REASONS`.
        error: what to tell if nothing stands in for the model; None: the list is empty then.
        source: what made the list; see :mod:`seqrec.serve.ladder`.
        read: returns the session as a model reads it, from the event columns that it wants.
        ms: milliseconds that encoding and searching took.
    """

    request_id: str
    name: str | None
    loaded: Loaded
    unknown: dict[str, list[str]]
    reason: str | None = None
    batch: Batch | None = None
    error: RequestError | None = None
    source: str | None = None
    read: Callable[[Sequence[str]], Session] | None = None
    ms: float = 0.0
    found: Found | None = None
    order_K: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    propensity_K: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    seed: int | None = None
    because: list[list[dict[str, Any]]] | None = None

    def fill(self, found: Found, policy: Policy, k: int) -> None:
        """Let a policy choose the list of what was found."""
        rng = None
        if policy.explores:
            self.seed = secrets.randbits(53)
            rng = np.random.default_rng(self.seed)
        shown = policy.choose(found.score_K, k, rng)  # type: ignore[arg-type]
        self.found, self.order_K, self.propensity_K = found, shown.order_K, shown.propensity_K
        if len(found.item_K):
            self.source = MODEL
        else:
            self.reason = "seen"

    def stand_in(self, source: str, found: Found) -> None:
        """Take a list that isn't the model's; nothing of it is drawn."""
        self.source, self.found = source, found
        self.order_K, self.propensity_K = np.arange(len(found.item_K)), np.ones(len(found.item_K))

    @property
    def model(self) -> Model:
        """The model that answers, or should."""
        return self.loaded.model

    @property
    def listed(self) -> NDArray[np.int64]:
        """The listed items."""
        return self.order_K if self.found is None else self.found.item_K[self.order_K]

    def explain(self, weight_LK: NDArray[np.float32] | None) -> None:
        """Say which events each item rests on.

        Args:
            weight_LK: what each item's score loses without each event; None: the session has one
                event, which everything rests on.
        """
        assert self.batch is not None
        events = self.batch.item_BL[0][: self.batch.length_B[0]].tolist()
        self.because = []
        for column in range(len(self.listed)):
            weights: list[float | None]
            if weight_LK is None:
                best, weights = [0], [None]
            else:
                order = np.argsort(-weight_LK[:, column], kind="stable")[:TOLD_EVENTS]
                best = [int(at) for at in order if weight_LK[at, column] > 0]
                weights = [float(weight_LK[at, column]) for at in best]
            self.because.append(
                [
                    {**named(self.model, events[at]), "event": at, "weight": weight}
                    for at, weight in zip(best, weights, strict=True)
                ]
            )

    def trust(self) -> dict[str, Any]:
        """Return how lists are explained, and how far an audit of the run found that to be true."""
        why = "the run was exported without an audit of its explanations"
        audited = self.model.bundle.manifest.content.get("fidelity") or {"why": why}
        return {"explained": "leave_one_out", "fidelity": audited}

    def content(self) -> dict[str, Any]:
        """Return what the client reads."""
        items = []
        if self.found is not None:
            scores = self.found.score_K[self.order_K].tolist()
            listed, of = self.listed.tolist(), self.model.items
            for at, item, score in zip(listed, of.ids(listed), scores, strict=True):
                items.append({"item": item, "title": of.title(at), "score": score})
            for row, because in zip(items, self.because or (), strict=False):
                row["because"] = because
        content: dict[str, Any] = {
            "request_id": self.request_id,
            "bundle": self.model.sha,
            "source": self.source,
            "items": items,
        }
        if self.reason is not None:
            content["reason"] = {"code": self.reason, "text": REASONS[self.reason]}
        if self.unknown:
            content["unknown"] = self.unknown
        return content

    def slate(
        self, policy: Policy, settings: Mapping[str, Any], filters: str, session: str
    ) -> Slate:
        """Return the list as it is logged.

        Args:
            policy: what chose the list, unless it stands in for the model's.
            settings: name and parameters of the policy.
            filters: version of the filters.
            session: hash of the session.
        """
        history: Sequence[str] = ()
        if self.batch is not None:
            read = self.batch.item_BL[0][: self.batch.length_B[0]].tolist()
            history = self.model.items.ids(read)
        score_K = [] if self.found is None else self.found.score_K[self.order_K].tolist()
        drawn = policy.explores and self.source in (MODEL, None)
        chosen_from = self.found if drawn else None
        if self.source in (SIMILAR, POPULAR):
            settings = {"name": FALLBACK, "source": self.source, "reason": self.reason}
        return Slate(
            request_id=self.request_id,
            session=session,
            bundle=self.model.sha,
            policy=settings,
            history=history,
            items=self.model.items.ids(self.listed.tolist()),
            scores=score_K,
            propensities=self.propensity_K.tolist(),
            candidates=[]
            if chosen_from is None
            else self.model.items.ids(chosen_from.item_K.tolist()),
            candidate_scores=[] if chosen_from is None else chosen_from.score_K.tolist(),
            filters=filters,
            seed=self.seed,
        )


def masks(model: Model, asked: Settings) -> bool:
    """Return whether a request leaves a session's own items out."""
    return model.mask_seen if asked.exclude_seen is None else asked.exclude_seen


def named(model: Model, item: int) -> dict[str, Any]:
    """Return the id and the title of an item."""
    return {"item": model.items.id(item), "title": model.items.title(item)}
