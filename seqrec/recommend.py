"""Answers from a trained run: what comes after these items, for sessions never seen in training."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from seqrec.batches import event_column
from seqrec.build import build_baseline, build_model, build_source
from seqrec.config.moment import instant
from seqrec.config.schema import Root
from seqrec.errors import DataError, RunError
from seqrec.experiment.folder import RunFolder
from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.rank import rank_targets
from seqrec.store.prepare import prepare
from seqrec.types import UNKNOWN_TIME, Facts, History, Ranked

Model = SequenceModel | CountedModel


@dataclass(frozen=True)
class Session:
    """What happened so far.

    Args:
        items: original ids, oldest first.
        user: index in the run's data; -1: somebody else.
        context: what else is known of each event, by name, one value an item: categories, numbers,
            and as ``timestamp`` ISO times or milliseconds; None where unknown.
        asked: the time that a recommendation is wanted for, in milliseconds; None: now.
    """

    items: list[str]
    user: int = -1
    context: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    asked: int | None = None


@dataclass(frozen=True)
class Recommendation:
    """A list, and how it came about."""

    items: pl.DataFrame  # rank, item, title, score; best first
    history: pl.DataFrame  # item, title, attention: what the model saw, oldest first
    unknown: list[str]  # given ids that the catalogue doesn't have


class Recommender:
    """A trained run, ready to answer.

    Args:
        model: with its trained weights.
        catalogue: index (from 1), item, title (may be null) and candidate: whether training saw
            the item, so that it can be recommended.
        config: the run's configuration.
        data_hash: of the data that it was trained on.
        events: what that data knows of each event; see :class:`~seqrec.types.Facts`.
    """

    def __init__(
        self,
        *,
        model: Model,
        catalogue: pl.DataFrame,
        config: Root,
        data_hash: str,
        events: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.events = events
        self.model, self.config, self.data_hash = model.eval(), config, data_hash
        self.allowed_V = torch.tensor([True, *catalogue["candidate"]])
        self.items = catalogue["item"].to_list()
        self.titles = catalogue["title"].fill_null(catalogue["item"]).to_list()
        self.index = {item: i for i, item in enumerate(self.items, start=1)}

    @classmethod
    def load(cls, run: str | Path) -> "Recommender":
        """Read the folder of a run; its data isn't needed.

        Raises:
            RunError: the folder is not that of a trained run, or it is damaged.
        """
        folder = RunFolder.open(run)
        config, about = folder.config(), folder.about()
        build = build_model if config.baseline is None else build_baseline
        facts = Facts(**about["facts"])
        model: Model = build(config, facts)
        prefix = "model."
        weights = {
            key.removeprefix(prefix): value
            for key, value in folder.weights().items()
            if key.startswith(prefix)
        }
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise RunError(
                "the checkpoint doesn't fit config.yaml",
                where=str(folder.path),
                todo="bring back the config.yaml that the run wrote",
            ) from error
        return cls(
            model=model,
            catalogue=folder.read_table("catalogue.parquet"),
            config=config,
            data_hash=about["data_hash"],
            events=facts.events,
        )

    @torch.no_grad()
    def recommend(
        self, session: Session | list[str], *, k: int = 10, mask_seen: bool | None = None
    ) -> Recommendation:
        """The `k` best items to follow a history.

        Args:
            session: what happened, or only the items; those the catalogue doesn't have are left
                out.
            k: length of the list.
            mask_seen: leave the history's own items out; None: as in the run's evaluation.

        Raises:
            DataError: no known item is left, k isn't positive, or the context isn't what the model
                knows.
        """
        session = session if isinstance(session, Session) else Session(session)
        items = session.items
        if k < 1:
            raise DataError(f"k={k}: a list has at least one item", todo="give k=10, say")
        unknown = [item for item in items if item not in self.index]
        kept = [at for at, item in enumerate(items) if item in self.index]
        if not kept:
            example = ", ".join(self.items[:3])
            raise DataError(
                f"none of the {len(items)} items is in the run's catalogue",
                where=f"items={','.join(items[:5])}",
                todo=f"give original ids, like {example}",
            )
        seen = torch.tensor(sorted({self.index[items[at]] for at in kept}))
        history = self._history(session, kept[-self.config.max_length :])
        latest = history.item_BL
        mask = self.config.evaluation.mask_seen if mask_seen is None else mask_seen
        catalogue: Ranked = self.model.catalogue()
        query = self.model.query(history, self.allowed_V)
        ranking = rank_targets(
            query,
            catalogue,
            latest[:, -1],
            k=min(k, len(self.items)),
            seen_row_P=torch.zeros_like(seen) if mask else None,
            seen_item_P=seen if mask else None,
            allowed_V=self.allowed_V,
        )
        top = ranking.top_BK[0][ranking.top_BK[0] > 0]
        scores = catalogue.score_shared(query, top)[0]
        weights = self.model.attention(history, self.allowed_V)[0]
        return Recommendation(
            self._table(top.tolist(), score=scores.tolist()),
            self._table(latest[0].tolist(), attention=weights.tolist()),
            unknown,
        )

    def session(self, user: str) -> Session:
        """The whole history of a user of the run's data.

        Raises:
            DataError: the data doesn't have this user, or can't be read any more.
            RunError: the data has changed.
        """
        source = build_source(self.config)
        store = prepare(source, self.config.prepare, Path(self.config.paths.cache_dir))
        if store.data_hash != self.data_hash:
            raise RunError(
                "the data isn't what the run was trained on",
                where=f"{self.data_hash[:12]} then, {store.data_hash[:12]} now ({store.name})",
                todo="give items='[...]' instead, or train a new run",
            )
        users = store.users()
        found = users.filter(pl.col("user") == user)["index"]
        if found.is_empty():
            example = ", ".join(users["user"][:3])
            raise DataError(
                f"{store.name} has no user {user!r} (after filtering)",
                todo=f"name one like {example}, or give items='[...]'",
            )
        index = found[0]
        mine = slice(store.offset[index], store.offset[index + 1])
        context = {name: event_column(store, name)[mine].tolist() for name in self.model.wanted}
        for name in context.keys() & store.categories.keys():
            names = [None, *store.categories[name]]
            context[name] = [names[code] for code in context[name]]
        return Session([self.items[i - 1] for i in store.item[mine].tolist()], index, context)

    def _history(self, session: Session, kept: list[int]) -> History:
        """The events of a session at the places `kept`, as the model takes them."""
        for name, values in session.context.items():
            if name not in self.model.wanted:
                known = ", ".join(self.model.wanted) or "nothing but the items"
                raise DataError(f"the model knows no {name}; it takes {known}", where="context")
            if len(values) != len(session.items):
                raise DataError(
                    f"{len(values)} values of {name} for {len(session.items)} items",
                    where="context",
                    todo="give one value an item, null where it is unknown",
                )
        asked = time.time_ns() // 1_000_000 if session.asked is None else session.asked
        return History(
            item_BL=torch.tensor([[self.index[session.items[at]] for at in kept]]),
            length_B=torch.tensor([len(kept)]),
            user_B=torch.tensor([session.user]),
            event={
                name: self._event(name, session.context.get(name), kept)
                for name in self.model.wanted
            },
            asked_B=torch.tensor([asked]),
        )

    def _event(self, name: str, values: Sequence[Any] | None, kept: list[int]) -> Tensor:
        """What is known of each event, (1, L)."""
        given = [None if values is None else values[at] for at in kept]
        if name == "timestamp":
            return torch.tensor([[UNKNOWN_TIME if v is None else _moment(v) for v in given]])
        names = self.events[name].get("categories")
        if names is not None:
            code = {name: at for at, name in enumerate(names, start=1)}
            return torch.tensor([[code.get(str(value), 0) for value in given]])
        try:
            return torch.tensor([[math.nan if v is None else float(v) for v in given]])
        except ValueError as error:
            raise DataError(f"{name}: {error}", where="context") from error

    def _table(self, indices: list[int], **columns: list[float]) -> pl.DataFrame:
        names = {
            "rank": range(1, len(indices) + 1),
            "item": [self.items[i - 1] for i in indices],
            "title": [self.titles[i - 1] for i in indices],
        }
        return pl.DataFrame({**names, **columns})


def _moment(value: Any) -> int:
    """Milliseconds since 1970 UTC of an ISO time or of such a number."""
    if isinstance(value, int):
        return value
    moment = instant(value, where="timestamp")
    assert moment is not None
    return moment
