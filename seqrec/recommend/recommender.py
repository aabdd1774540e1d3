"""Recommendations from a trained run, also for sessions that training never saw."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
import torch

from seqrec.adapter import merged
from seqrec.batches import EvalBatches
from seqrec.columns import Columns
from seqrec.config.schema import Root
from seqrec.config.trust import Trust
from seqrec.contracts import Ranked, Reranker
from seqrec.ensemble.model import AnyModel
from seqrec.facts import EventFacts
from seqrec.generator import Asker, Generator
from seqrec.generator.topk import TopK
from seqrec.machine.hardware import find_hardware
from seqrec.ranking.policy import Policy
from seqrec.recommend.arguments import choice_of, id_of, ids_of, length_of, moment_of, session_of
from seqrec.recommend.choose import check_obeys
from seqrec.recommend.data import session_of_user, store_of_run
from seqrec.recommend.history import asked_at, batch_of
from seqrec.recommend.items import Items
from seqrec.recommend.lists import made_lists, top_lists
from seqrec.recommend.load import parts_of
from seqrec.recommend.session import Recommendation, Session
from seqrec.run.folder import RunFolder
from seqrec.shapes import EvalBatch
from seqrec.store.views import View


class Recommender:
    """A trained run, ready to recommend.

    Args:
        model: with its trained weights.
        catalogue: index (from 1), item, title (may be null) and candidate: whether training saw
            the item, so that it can be recommended.
        config: the run's configuration.
        data_hash: hash of the data that it was trained on.
        events: facts about that data's event columns, by name.
        reranker: the run's reranker, if it has one.
    """

    def __init__(
        self,
        *,
        model: AnyModel,
        catalogue: pl.DataFrame,
        config: Root,
        data_hash: str,
        events: Mapping[str, EventFacts],
        reranker: Reranker | None = None,
    ) -> None:
        self.events = events
        self.model, self.config, self.data_hash = merged(model).eval(), config, data_hash
        self.policy = Policy(
            candidate_V=torch.tensor([False, *catalogue["candidate"]]),
            mask_seen=config.evaluation.mask_seen,
            reranker=reranker,
        )
        self.items = Items(catalogue)

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        trust: bool = False,
        searchpath: Iterable[str | Path] | None = None,
        adapter: str | Path | None = None,
    ) -> "Recommender":
        """Read the folder of a run; its data isn't needed.

        Args:
            run: the folder.
            trust: import and call whatever its configuration names: code from outside this
                package runs with all your rights.
            searchpath: folders of modules that its configuration may name.
            adapter: ``adapter.ckpt`` of a run that began with this one, to load on top of it.

        Raises:
            ConfigError: a folder of `searchpath` doesn't exist.
            RunError: the folder isn't a trained run's, is damaged, or names what a run may not, or
                the adapter was trained from another run.
        """
        folder = RunFolder.open(run, Trust.given(trust=trust, searchpath=searchpath))
        return cls(**parts_of(folder, None if adapter is None else Path(adapter)))

    @classmethod
    def of(cls, folder: RunFolder) -> "Recommender":
        """Load from an opened folder, which holds what its configuration may name."""
        return cls(**parts_of(folder))

    def recommend(
        self,
        session: Session | Iterable[str | int],
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        allow: Iterable[str | int] | None = None,
        deny: Iterable[str | int] = (),
        generator: Generator | None = None,
    ) -> Recommendation:
        """Return the `k` best items to follow a history.

        Args:
            session: the session, or only its items, as texts or whole numbers; items that the
                catalogue lacks are ignored.
            k: length of the list.
            mask_seen: leave the history's own items out; None: as in the run's evaluation.
            allow: original ids of the only items that may be recommended; None: all that training
                saw.
            deny: original ids of items that may not be recommended.
            generator: makes the list, such as ``seqrec.generator.sample.Sample()``; None: the best
                items, best first.

        Raises:
            ConfigError: the generator can't obey the run's reranker.
            DataError: the catalogue has none of the items, these aren't ids in an order, k isn't a
                whole number of at least 1, the model doesn't take this context, or the catalogue
                lacks an allowed or denied item.
        """
        [answer] = self.recommend_all(
            [session], k=k, mask_seen=mask_seen, allow=allow, deny=deny, generator=generator
        )
        return answer

    @torch.no_grad()
    def recommend_all(
        self,
        sessions: Iterable[Session | Iterable[str | int]],
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        allow: Iterable[str | int] | None = None,
        deny: Iterable[str | int] = (),
        generator: Generator | None = None,
    ) -> list[Recommendation]:
        """Return the `k` best items to follow each history; see :meth:`recommend`."""
        k = length_of(k)
        policy, size = self._narrowed(mask_seen, allow, deny), self.config.batch.eval_size
        check_obeys(generator, policy)
        asker = Asker(self.model, self.catalogue, policy, self.config.max_length)
        asked = [session_of(session) for session in sessions]
        kept = [self.items.places(session.items) for session in asked]
        answers: list[Recommendation] = []
        for first in range(0, len(asked), size):
            batch = asked[first : first + size], kept[first : first + size]
            answers += self._answers(*batch, asker, generator, min(k, len(self.items)))
        return answers

    @cached_property
    def catalogue(self) -> Ranked:
        """The catalogue to score queries against; built once, as the model doesn't change."""
        return self.model.catalogue()

    def batch_of(self, session: Session | list[str]) -> EvalBatch:
        """Return a session as the model's input, with the items that it has seen.

        The latest item stands in for the unknown target.

        Raises:
            DataError: the catalogue has none of the items, or the model doesn't take this context.
        """
        session = session if isinstance(session, Session) else Session(session)
        return self._batch([session], [self.items.places(session.items)])

    def _answers(
        self,
        sessions: list[Session],
        kept: list[list[int]],
        asker: Asker,
        generator: Generator | None,
        k: int,
    ) -> Iterator[Recommendation]:
        batch = self._batch(sessions, kept)
        query, alpha_BL = self.model.answer(batch.history, self.policy.candidate_V)
        item_BK, score_BK = made_lists(query, batch, asker, generator, k)
        for row, session in enumerate(sessions):
            top = item_BK[row][item_BK[row] > 0]
            length = int(batch.history.length_B[row])
            yield Recommendation(
                self.items.table(top.tolist(), score=score_BK[row][: len(top)].tolist()),
                self.items.table(
                    batch.history.item_BL[row][:length].tolist(),
                    attention=alpha_BL[row][:length].tolist(),
                ),
                self.items.unknown(session.items),
            )

    def _batch(self, sessions: list[Session], kept: list[list[int]]) -> EvalBatch:
        return batch_of(
            sessions,
            kept,
            index=self.items.index,
            wanted=self.model.wanted,
            events=self.events,
            max_length=self.config.max_length,
        )

    def _narrowed(
        self, mask_seen: bool | None, allow: Iterable[str | int] | None, deny: Iterable[str | int]
    ) -> Policy:
        return self.policy.narrowed(
            mask_seen=choice_of(mask_seen),
            allow=None
            if allow is None
            else self.items.indices(ids_of(allow, where="allow"), where="allow"),
            deny=self.items.indices(ids_of(deny, where="deny"), where="deny"),
        )

    def session(self, user: str | int) -> Session:
        """Return the whole history of a user of the run's data.

        Raises:
            DataError: the data doesn't have this user, or can no longer be read.
            RunError: the data has changed.
        """
        store = store_of_run(self.config, self.data_hash)
        user = id_of(user, where="user")
        return session_of_user(store, user, items=self.items, wanted=self.model.wanted)

    def everybody(
        self,
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        asked: int | None = None,
        allow: Iterable[str | int] | None = None,
        deny: Iterable[str | int] = (),
        generator: Generator | None = None,
    ) -> Iterator[pl.DataFrame]:
        """Yield the `k` best items to follow the whole history of every user of the run's data.

        It runs on a GPU if one is available.

        Args:
            k: length of the lists.
            mask_seen: see :meth:`recommend`.
            asked: time of the recommendation, in milliseconds; None: now.
            allow: see :meth:`recommend`.
            deny: see :meth:`recommend`.
            generator: see :meth:`recommend`.

        Yields:
            Tables of user, rank, item, title and score, for ``batch.eval_size`` users each.

        Raises:
            DataError: the data can no longer be read, k isn't positive, or the catalogue lacks an
                allowed or denied item.
            RunError: the data has changed.
        """
        k, asked = length_of(k), moment_of(asked)
        policy, generator = self._narrowed(mask_seen, allow, deny), generator or TopK()
        check_obeys(generator, policy)
        store = store_of_run(self.config, self.data_hash)
        device = torch.device(find_hardware("auto", "fp32").kind)
        offset = np.asarray(store.offset)
        batches = EvalBatches(
            columns=Columns(store, device, ratings=False, events=self.model.wanted),
            view=View(np.arange(store.n_users), offset[:-1], offset[1:]),
            max_length=self.config.max_length,
            size=self.config.batch.eval_size,
        )
        model = self.model.to(device)
        asker = Asker(model, model.catalogue(), policy.to(device), self.config.max_length)
        try:
            yield from top_lists(
                asker,
                (asked_at(batch.to(device), asked) for batch in batches),
                generator,
                users=store.users()["user"],
                items=pl.DataFrame({"item": self.items.ids, "title": self.items.titles}),
                k=min(k, len(self.items)),
            )
        finally:
            self.model.to("cpu")
            policy.to("cpu")
