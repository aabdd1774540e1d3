"""A history whose recommendations are explained, with what may be recommended to it."""

from dataclasses import dataclass, field, replace

import torch

from seqrec.errors import ConfigError, DataError, RunError
from seqrec.explain.crowd import question_of
from seqrec.question import Question
from seqrec.question.question import DAMAGED
from seqrec.ranking.policy import Policy
from seqrec.recommend import Recommender, Session
from seqrec.shapes import EvalBatch, History

TOP = "top"  # the best item


@dataclass(frozen=True)
class Case:
    """A history, as a run's model reads it.

    Args:
        recommender: the run.
        batch: the history, and all its items as seen.
        policy: which items may be recommended.
        others: histories of other users, for methods that compare with them.
        unknown: ids in the history that the catalogue lacks.
        times: of the events that the model reads, in milliseconds; None: unknown.
    """

    recommender: Recommender
    batch: EvalBatch
    policy: Policy
    others: History | None = None
    unknown: list[str] = field(default_factory=list)
    times: list[int] | None = None

    @classmethod
    def of(
        cls,
        recommender: Recommender,
        session: Session | list[str],
        mask_seen: bool | None = None,
        others: History | None = None,
    ) -> "Case":
        """Convert a session.

        Args:
            recommender: the run.
            session: the history, or only its items.
            mask_seen: whether its items are left out of the list; None: as in the run's evaluation.
            others: histories of other users.

        Raises:
            DataError: the catalogue has none of the items, or the model doesn't take this context.
        """
        policy = recommender.policy.narrowed(mask_seen=mask_seen)
        session = session if isinstance(session, Session) else Session(session)
        unknown = recommender.items.unknown(session.items)
        batch, times = recommender.batch_of(session), None
        if session.times is not None:
            kept = recommender.items.places(session.items)[-int(batch.history.length_B[0]) :]
            times = [session.times[at] for at in kept]
        return cls(recommender, batch, policy, others, unknown, times)

    def question(self, target: int, instead: int | None = None) -> Question:
        """Return the question about an item by its index, or about two."""
        batch = replace(self.batch, target_B=torch.tensor([target]))
        model, catalogue = self.recommender.model, self.recommender.catalogue
        given = {"instead": instead, "others": self.others}
        return question_of(model, catalogue, self.policy, batch, 0, **given)

    @torch.no_grad()
    def best(self) -> int:
        """Return the index of the best item.

        Raises:
            DataError: nothing may be recommended.
            RunError: the scores aren't finite numbers.
        """
        query = self.recommender.model.query(self.batch.history, self.policy.candidate_V)
        catalogue = self.recommender.catalogue
        if not catalogue.score(query, self.batch.target_B).isfinite().all():
            raise RunError("the model's scores aren't finite numbers", todo=DAMAGED)
        best = int(self.policy.rank(query, catalogue, self.batch, k=1).top_BK[0, 0])
        if not best:
            raise DataError(
                "nothing may be recommended: every item from training is in the history",
                where="items",
                todo="add mask_seen=false, which allows repeats",
            )
        return best

    def index(self, item: str, *, where: str) -> int:
        """Return the index of an item that may be recommended to this history.

        Args:
            item: its original id, or ``top``.
            where: the argument that names it, for the error.

        Raises:
            DataError: the catalogue lacks it, or it may not be recommended.
        """
        if item == TOP:
            return self.best()
        [index] = self.recommender.items.indices([item], where=where)
        name = f"{self.recommender.items.titles[index - 1]} ({item})"
        if self.policy.mask_seen and (self.batch.seen_item_P == index).any():
            raise DataError(
                f"{name} is in the history, and this run recommends no item of a history again",
                where=where,
                todo="ask about another item, target=top for example, or add mask_seen=false",
            )
        if self.policy.ranked_V is not None and not self.policy.ranked_V[index]:
            raise DataError(
                f"{name} is never recommended: training didn't see it",
                where=where,
                todo="ask about another item, target=top for example",
            )
        return index

    def check_list(self, k: int) -> None:
        """Check the length of a list.

        Raises:
            ConfigError: it has a place for every item, so that none can leave it.
        """
        allowed_V = torch.ones(len(self.recommender.catalogue), dtype=torch.bool)
        if self.policy.ranked_V is not None:
            allowed_V = self.policy.ranked_V.clone()
        allowed_V[0] = False
        if self.policy.mask_seen:
            allowed_V[self.batch.seen_item_P] = False
        places = int(allowed_V.sum())
        if not 0 < k < max(2, places):
            raise ConfigError(
                f"k={k}: a list from 1 to {max(1, places - 1)} items, as {places:,} may be "
                "recommended to this history",
                where="k",
                todo=f"write k={min(10, max(1, places - 1))}",
            )
