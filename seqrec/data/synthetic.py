"""Made-up sequences with a planted rule, so that the best possible score is known."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from seqrec.errors import ConfigError
from seqrec.raw.source import Interactions

DAY_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Every item has one successor (a random cycle through the catalogue).

    A share `markov` of the users continue with the successor of the last item. The rest continue
    with the successor of the item `distance` events back, after `distance` random items, so that
    the last item says nothing about the next: a model has to find the causal one. A share `pair`
    of the users continue with the item whose place in the cycle is the sum of the places of both,
    the last item and that `distance` events back: either alone says nothing about the next. With
    probability `noise` an event is a random item instead.

    A history of more than ``2 * distance`` events reveals which rule its user follows, and the next
    item is then determined except for noise. The best attainable hit rate at 1, with seen items
    *not* masked, is therefore ``1 - noise + noise / n_items`` (:attr:`best_hit_rate_at_1`).

    Events are one day apart; ratings are a function of the item (1 to 5).

    Args:
        n_users, n_items, length: users, catalogue size, events of each user.
        markov: share of users whose last item decides.
        pair: share of users whose last item and that `distance` events back decide together. There
            are ``n_items**2`` pairs to learn.
        distance: how far back the deciding item of the remaining users is; 2 or more.
        noise: probability that an event is random.
        seed: of everything random here.
    """

    n_users: int = 1000
    n_items: int = 100
    length: int = 30
    markov: float = 0.5
    distance: int = 3
    noise: float = 0.1
    seed: int = 0
    pair: float = 0.0

    def __post_init__(self) -> None:
        for field, fits in (
            ("n_users", self.n_users >= 1),
            ("n_items", self.n_items >= 2),
            ("markov", 0 <= self.markov <= 1),
            ("pair", 0 <= self.pair <= 1 - self.markov),
            ("distance", self.distance >= 2),
            ("noise", 0 <= self.noise <= 1),
            ("length", self.length > 2 * self.distance),
        ):
            if not fits:
                raise ConfigError(
                    f"{field}={getattr(self, field)} is out of range",
                    where=f"data.{field}",
                    todo="use shares from 0 to 1 in all, distance 2 or more, length over "
                    "2 * distance, 1 user or more, 2 items or more",
                )

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"synthetic-{self.n_users}x{self.length}"

    @property
    def best_hit_rate_at_1(self) -> float:
        """The hit rate at 1 on users' last events of a model that knows the rules."""
        return 1 - self.noise + self.noise / self.n_items

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; there are none."""
        return []

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        rng = np.random.default_rng(self.seed)
        cycle = rng.permutation(self.n_items)
        successor = np.empty_like(cycle)
        successor[cycle] = np.roll(cycle, -1)
        item = rng.integers(self.n_items, size=(self.n_users, self.length))
        place = np.argsort(cycle)  # of each item in the cycle
        random = rng.random(item.shape) < self.noise
        share = rng.random(self.n_users)
        back, paired = np.where(share < self.markov, 1, self.distance), share >= 1 - self.pair
        users = np.arange(self.n_users)
        for t in range(1, self.length):
            far = item[users, t - back]
            both = cycle[(place[far] + place[item[:, t - 1]]) % self.n_items]
            ruled = (t >= back) & ~random[:, t]
            item[ruled, t] = np.where(paired, both, successor[far])[ruled]
        start = rng.integers(365, size=self.n_users)
        time = (start[:, None] + np.arange(self.length)) * DAY_MS
        frame = pl.LazyFrame(
            {
                "user": np.repeat(users, self.length),
                "item": item.ravel(),
                "timestamp": time.ravel(),
                "rating": (1 + item.ravel() % 5).astype(np.float32),
            }
        )
        events = frame.with_columns(
            pl.format("u{}", "user").alias("user"), pl.format("i{}", "item").alias("item")
        )
        ids = [f"i{i}" for i in range(self.n_items)]
        titles = [f"item {i}, followed by {j}" for i, j in enumerate(successor)]
        return Interactions(events, pl.LazyFrame({"item": ids, "title": titles}))
