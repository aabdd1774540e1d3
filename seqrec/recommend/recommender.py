"""Answers from a trained run: what comes after these items, for sessions never seen in training."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import torch

from seqrec.batches import Columns, EvalBatches, event_column
from seqrec.build import build_baseline, build_model, build_reranker, build_source
from seqrec.config.schema import Root
from seqrec.config.trust import Trust
from seqrec.contracts import EventFacts, Facts, Ranked, Reranker
from seqrec.errors import DataError, RunError
from seqrec.machine.hardware import find_hardware
from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.policy import Policy
from seqrec.recommend.lists import top_lists
from seqrec.recommend.session import Recommendation, Session, history_of, joined, now
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
        events: what that data knows of each event, by column.
        reranker: the run's; None: nothing reorders what the model ranks.
    """

    def __init__(
        self,
        *,
        model: Model,
        catalogue: pl.DataFrame,
        config: Root,
        data_hash: str,
        events: Mapping[str, EventFacts],
        reranker: Reranker | None = None,
    ) -> None:
        self.events = events
        self.model, self.config, self.data_hash = model.eval(), config, data_hash
        self.policy = Policy(
            candidate_V=torch.tensor([False, *catalogue["candidate"]]),
            mask_seen=config.evaluation.mask_seen,
            reranker=reranker,
        )
        self.items = catalogue["item"].to_list()
        self.titles = catalogue["title"].fill_null(catalogue["item"]).to_list()
        self.index = {item: i for i, item in enumerate(self.items, start=1)}

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        trust: bool = False,
        searchpath: Iterable[str | Path] | None = None,
    ) -> "Recommender":
        """Read the folder of a run; its data isn't needed.

        Args:
            run: the folder.
            trust: import and call whatever its configuration names: code that isn't of this
                package runs with all your rights.
            searchpath: folders of modules that its configuration may name.

        Raises:
            ConfigError: a folder of `searchpath` isn't there.
            RunError: the folder is not that of a trained run, it is damaged, or it names what a
                run may not.
        """
        return cls.of(RunFolder.open(run, Trust.given(trust=trust, searchpath=searchpath)))

    @classmethod
    def of(cls, folder: RunFolder) -> "Recommender":
        """As :meth:`load`, from a folder that knows what its configuration may name."""
        config, about = folder.config(), folder.about()
        build = build_model if config.baseline is None else build_baseline
        try:
            facts = Facts.read(about["facts"])
        except ValueError as error:
            raise RunError(f"run.json can't be read: {error}", where=str(folder.path)) from error
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
        catalogue = folder.read_table("catalogue.parquet")
        return cls(
            model=model,
            catalogue=catalogue,
            config=config,
            data_hash=about["data_hash"],
            events=facts.events,
            reranker=build_reranker(config, _with_items(facts, catalogue)),
        )

    def recommend(
        self,
        session: Session | list[str],
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
    ) -> Recommendation:
        """Return the `k` best items to follow a history.

        Args:
            session: what happened, or only the items; those the catalogue doesn't have are left
                out.
            k: length of the list.
            mask_seen: leave the history's own items out; None: as in the run's evaluation.
            allow: original ids of the only items that may be recommended; None: all may that
                training saw.
            deny: original ids of items that may not.

        Raises:
            DataError: no known item is left, k isn't positive, the context isn't what the model
                knows, or the catalogue has no item that is allowed or denied.
        """
        [answer] = self.recommend_all([session], k=k, mask_seen=mask_seen, allow=allow, deny=deny)
        return answer

    @torch.no_grad()
    def recommend_all(
        self,
        sessions: Sequence[Session | list[str]],
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
    ) -> list[Recommendation]:
        """Return the `k` best items to follow each history; see :meth:`recommend`."""
        _check_length(k)
        policy, size = self._narrowed(mask_seen, allow, deny), self.config.batch.eval_size
        asked = [s if isinstance(s, Session) else Session(s) for s in sessions]
        kept = [self._known(session) for session in asked]
        answers: list[Recommendation] = []
        for first in range(0, len(asked), size):
            those = asked[first : first + size], kept[first : first + size]
            answers += self._answers(*those, k=min(k, len(self.items)), policy=policy)
        return answers

    @cached_property
    def catalogue(self) -> Ranked:
        """What queries are scored against; built once, as the model doesn't change."""
        return self.model.catalogue()

    def _answers(
        self, sessions: list[Session], kept: list[list[int]], *, k: int, policy: Policy
    ) -> Iterator[Recommendation]:
        batch = self._batch(sessions, kept)
        query, alpha_BL = self.model.answer(batch.history, policy.candidate_V)
        ranking = policy.rank(query, self.catalogue, batch, k=k)
        for row, session in enumerate(sessions):
            top = ranking.top_BK[row][ranking.top_BK[row] > 0]
            length = int(batch.history.length_B[row])
            yield Recommendation(
                self._table(top.tolist(), score=ranking.top_score_BK[row][: len(top)].tolist()),
                self._table(
                    batch.history.item_BL[row][:length].tolist(),
                    attention=alpha_BL[row][:length].tolist(),
                ),
                [item for item in session.items if item not in self.index],
            )

    def _batch(self, sessions: list[Session], kept: list[list[int]]) -> EvalBatch:
        """Sessions as a batch; what follows them, which nobody knows, is their latest item."""
        history = joined(
            [
                history_of(
                    session,
                    places[-self.config.max_length :],
                    index=self.index,
                    wanted=self.model.wanted,
                    events=self.events,
                )
                for session, places in zip(sessions, kept, strict=True)
            ]
        )
        seen = [
            sorted({self.index[session.items[at]] for at in places})
            for session, places in zip(sessions, kept, strict=True)
        ]
        row_B = torch.arange(len(sessions))
        return EvalBatch(
            history=history,
            event_B=row_B,
            target_B=history.item_BL[row_B, history.length_B - 1],
            rating_B=None,
            seen_row_P=row_B.repeat_interleave(torch.tensor([len(items) for items in seen])),
            seen_item_P=torch.tensor([item for items in seen for item in items]),
        )

    def _known(self, session: Session) -> list[int]:
        """Return the places in a session of the items that the catalogue has."""
        places = [at for at, item in enumerate(session.items) if item in self.index]
        if not places:
            example = ", ".join(self.items[:3])
            raise DataError(
                f"none of the {len(session.items)} items is in the run's catalogue",
                where=f"items={','.join(session.items[:5])}",
                todo=f"give original ids, like {example}",
            )
        return places

    def _narrowed(
        self, mask_seen: bool | None, allow: Iterable[str] | None, deny: Iterable[str]
    ) -> Policy:
        return self.policy.narrowed(
            mask_seen=mask_seen,
            allow=None if allow is None else self._indices(allow, where="allow"),
            deny=self._indices(deny, where="deny"),
        )

    def _indices(self, items: Iterable[str], *, where: str) -> list[int]:
        items = list(items)
        unknown = [item for item in items if item not in self.index]
        if unknown:
            example = ", ".join(self.items[:3])
            raise DataError(
                f"the run's catalogue has no item {', '.join(map(repr, unknown[:5]))}",
                where=where,
                todo=f"give original ids, like {example}",
            )
        return [self.index[item] for item in items]

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
        self,
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        asked: int | None = None,
        allow: Iterable[str] | None = None,
        deny: Iterable[str] = (),
    ) -> Iterator[pl.DataFrame]:
        """Yield the `k` best items to follow the whole history of every user of the run's data.

        On a GPU where there is one.

        Args:
            k: length of the lists.
            mask_seen: see :meth:`recommend`.
            asked: the time that the lists are for, in milliseconds; None: now.
            allow: see :meth:`recommend`.
            deny: see :meth:`recommend`.

        Yields:
            Tables of user, rank, item and score, some thousand users each.

        Raises:
            DataError: the data can't be read any more, k isn't positive, or the catalogue has no
                item that is allowed or denied.
            RunError: the data has changed.
        """
        _check_length(k)
        policy = self._narrowed(mask_seen, allow, deny)
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
                policy=policy.to(device),
            )
        finally:
            self.model.to("cpu")
            policy.to("cpu")

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


def _with_items(facts: Facts, catalogue: pl.DataFrame) -> Facts:
    """Return the facts with what the run's catalogue says of the items."""
    own = ("candidate", "item_events")
    counts = catalogue.get_column("item_events", default=None)
    return replace(
        facts,
        items=lambda: catalogue.drop(own, strict=False),
        item_count_V=None if counts is None else torch.tensor([0, *counts]),
    )


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
