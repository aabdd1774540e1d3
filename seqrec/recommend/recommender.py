"""Answers from a trained run: what comes after these items, for sessions never seen in training."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from seqrec.batches import Columns, EvalBatches, event_column
from seqrec.build import build_baseline, build_model, build_source
from seqrec.config.schema import Root
from seqrec.contracts import Facts
from seqrec.errors import DataError, RunError
from seqrec.machine.hardware import find_hardware
from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.rank import rank_targets
from seqrec.recommend.lists import top_lists
from seqrec.recommend.session import Recommendation, Session, history_of, now
from seqrec.run.folder import RunFolder
from seqrec.shapes import EvalBatch
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

Model = SequenceModel | CountedModel


class Recommender:
    """A trained run, ready to answer.

    Args:
        model: with its trained weights.
        catalogue: index (from 1), item, title (may be null) and candidate: whether training saw
            the item, so that it can be recommended.
        config: the run's configuration.
        data_hash: of the data that it was trained on.
        events: what that data knows of each event; see :class:`~seqrec.contracts.Facts`.
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
        self.candidate_V = torch.tensor([False, *catalogue["candidate"]])
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
        _check_length(k)
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
        history = history_of(
            session,
            kept[-self.config.max_length :],
            index=self.index,
            wanted=self.model.wanted,
            events=self.events,
        )
        latest = history.item_BL
        mask = self._mask(mask_seen)
        ranking = rank_targets(
            self.model.query(history, self.candidate_V),
            self.model.catalogue(),
            latest[:, -1],
            k=min(k, len(self.items)),
            seen_row_P=torch.zeros_like(seen) if mask else None,
            seen_item_P=seen if mask else None,
            candidate_V=self.candidate_V,
        )
        top = ranking.top_BK[0][ranking.top_BK[0] > 0]
        scores = ranking.top_score_BK[0][: len(top)]
        weights = self.model.attention(history, self.candidate_V)[0]
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
        store = self._store()
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

    def everybody(
        self, *, k: int = 10, mask_seen: bool | None = None, asked: int | None = None
    ) -> Iterator[pl.DataFrame]:
        """The `k` best items to follow the whole history of every user of the run's data.

        On a GPU where there is one.

        Args:
            k: length of the lists.
            mask_seen: see :meth:`recommend`.
            asked: the time that the lists are for, in milliseconds; None: now.

        Yields:
            Tables of user, rank, item and score, some thousand users each.

        Raises:
            DataError: the data can't be read any more, or k isn't positive.
            RunError: the data has changed.
        """
        _check_length(k)
        store = self._store()
        device = torch.device(find_hardware("auto", "fp32").kind)
        offset = np.asarray(store.offset)
        batches = EvalBatches(
            columns=Columns(store, device, ratings=False, events=self.model.wanted),
            view=View(np.arange(store.n_users), offset[:-1], offset[1:]),
            max_length=self.config.max_length,
            size=self.config.batch.eval_size,
        )
        self.model.to(device)
        try:
            yield from top_lists(
                self.model,
                (_at(batch.to(device), asked) for batch in batches),
                users=store.users()["user"],
                items=pl.Series(self.items),
                k=min(k, len(self.items)),
                mask_seen=self._mask(mask_seen),
                candidate_V=self.candidate_V.to(device),
            )
        finally:
            self.model.to("cpu")

    def _mask(self, mask_seen: bool | None) -> bool:
        return self.config.evaluation.mask_seen if mask_seen is None else mask_seen

    def _store(self) -> SequenceStore:
        """The run's data."""
        source = build_source(self.config)
        store = prepare(source, self.config.prepare, Path(self.config.paths.cache_dir))
        if store.data_hash != self.data_hash:
            raise RunError(
                "the data isn't what the run was trained on",
                where=f"{self.data_hash[:12]} then, {store.data_hash[:12]} now ({store.name})",
                todo="give items='[...]' instead, or train a new run",
            )
        return store

    def _table(self, indices: list[int], **columns: list[float]) -> pl.DataFrame:
        names = {
            "rank": range(1, len(indices) + 1),
            "item": [self.items[i - 1] for i in indices],
            "title": [self.titles[i - 1] for i in indices],
        }
        return pl.DataFrame({**names, **columns})


def _at(batch: EvalBatch, asked: int | None) -> EvalBatch:
    """The batch, asked at that time."""
    history = batch.history
    if history.asked_B is None:
        return batch
    asked_B = torch.full_like(history.asked_B, now() if asked is None else asked)
    return replace(batch, history=replace(history, asked_B=asked_B))


def _check_length(k: int) -> None:
    if k < 1:
        raise DataError(f"k={k}: a list has at least one item", todo="give k=10, say")
