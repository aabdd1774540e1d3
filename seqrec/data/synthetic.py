"""Made-up sequences with a planted rule, so that the best possible score is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.errors import ConfigError
from seqrec.raw.source import Interactions

DAY_MS = 86_400_000
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Synthetic:
    """Every item has one successor (a random cycle through the catalogue).

    A share `markov` of the users continue with the successor of the last item. The rest continue
    with the successor of the item `distance` events back, after `distance` random items, so that
    the last item says nothing about the next: a model has to find the causal one. A share `pair`
    of the users continue with the item whose place in the cycle is the sum of the places of both,
    the last item and that `distance` events back: either alone says nothing about the next. With
    probability `noise` an event is a random item instead.

    The places of a share `keyed` of the users say nothing. Half of the catalogue are keys, each
    with a partner in the other half. After a key come random items of that half, until, with
    probability ``1 / distance`` at each event, its partner comes, and then a random key.

    A history of more than ``2 * distance`` events reveals which rule its user follows, and the next
    item is then determined except for noise and, after a key, for the time of its partner. Without
    `keyed`, the best attainable hit rate at 1, with seen items *not* masked, is therefore ``1 -
    noise + noise / n_items`` (:attr:`best_hit_rate_at_1`).

    Events are one day apart; ratings are a function of the item (1 to 5).

    Args:
        n_users, n_items, length: users, catalogue size, events of each user.
        markov: share of users whose last item decides.
        pair: share of users whose last item and that `distance` events back decide together. There
            are ``n_items**2`` pairs to learn.
        keyed: share of users whose latest key decides, at any distance.
        distance: how far back the deciding item of the remaining users is, and the mean time from a
            key to its partner; 2 or more.
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
    keyed: float = 0.0

    def __post_init__(self) -> None:
        for field, fits in (
            ("n_users", self.n_users >= 1),
            ("n_items", self.n_items >= 2),
            ("markov", 0 <= self.markov <= 1),
            ("pair", 0 <= self.pair <= 1 - self.markov),
            ("keyed", 0 <= self.keyed <= 1 - self.markov - self.pair),
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
        """The hit rate at 1 on users' last events of a model that knows the rules but `keyed`."""
        return 1 - self.noise + self.noise / self.n_items

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; there are none."""
        return []

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        rng = np.random.default_rng(self.seed)
        cycle, item, random, share = self._drawn(rng)
        successor = np.empty_like(cycle)
        successor[cycle] = np.roll(cycle, -1)
        place = np.argsort(cycle)  # of each item in the cycle
        back, paired = self._rules(share)
        users = np.arange(self.n_users)
        for t in range(1, self.length):
            far = item[users, t - back]
            both = cycle[(place[far] + place[item[:, t - 1]]) % self.n_items]
            ruled = (t >= back) & ~random[:, t]
            item[ruled, t] = np.where(paired, both, successor[far])[ruled]
        [keyed] = np.nonzero(self._keyed(share))
        item[keyed] = cycle[self._with_keys(len(keyed))]
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

    def cause(self, user: str, items: Sequence[str]) -> tuple[str, list[int]] | None:
        """Return the item that a history makes the next one, and the places of what decides it.

        Args:
            user: the user, whose rule holds.
            items: the history, or its latest events, oldest first.

        Returns:
            The item and the places; None where the history doesn't decide the next item.
        """
        cycle, _, _, share = self._drawn(np.random.default_rng(self.seed))
        place_I = np.argsort(cycle)
        place = [int(place_I[int(item[1:])]) for item in items]
        mine = share[[int(user[1:])]]
        if self._keyed(mine)[0]:
            half = self.n_items // 2
            key = max((at for at, each in enumerate(place) if each < half), default=None)
            if key is None or place[key] + half in place[key:]:
                return None
            return f"i{cycle[place[key] + half]}", [key]
        back, paired = (each[0] for each in self._rules(mine))
        if len(items) < back:
            return None
        far = len(items) - int(back)
        if not paired:
            return f"i{cycle[(place[far] + 1) % self.n_items]}", [far]
        return f"i{cycle[(place[far] + place[-1]) % self.n_items]}", [far, len(items) - 1]

    def _drawn(self, rng: np.random.Generator) -> tuple[Ints, Ints, Bools, Floats]:
        """Draw the cycle, random items, which of them stay, and a number for each user's rule."""
        cycle = rng.permutation(self.n_items)
        item = rng.integers(self.n_items, size=(self.n_users, self.length))
        random = rng.random(item.shape) < self.noise
        return cycle, item, random, rng.random(self.n_users)

    def _rules(self, share: Floats) -> tuple[Ints, Bools]:
        """Return how far back the deciding item is, and whether the last one decides with it."""
        return np.where(share < self.markov, 1, self.distance), share >= 1 - self.pair

    def _keyed(self, share: Floats) -> Bools:
        """Return whose latest key decides."""
        return (share >= 1 - self.pair - self.keyed) & (share < 1 - self.pair)

    def _with_keys(self, users: int) -> Ints:
        """Return places in the cycle: keys in the first half, partners half the cycle behind."""
        rng, half = np.random.default_rng([self.seed, 1]), self.n_items // 2
        place = np.empty((users, self.length), dtype=np.int64)
        key, waits = np.zeros(users, dtype=np.int64), np.zeros(users, dtype=bool)
        for t in range(self.length):
            other = rng.integers(half, self.n_items, size=users)
            partner = rng.random(users) < 1 / self.distance
            next_key = rng.integers(half, size=users)
            ruled = np.where(waits, np.where(partner, key + half, other), next_key)
            random = rng.random(users) < self.noise
            place[:, t] = np.where(random, rng.integers(self.n_items, size=users), ruled)
            is_key = place[:, t] < half
            waits = is_key | (waits & (place[:, t] != key + half))
            key = np.where(is_key, place[:, t], key)
        return place
