"""Users whose tastes and habits are known, so that what an estimate should be is known, too."""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Users:
    """Users who look at a slate from the top, and click what they like of what they look at.

    A click at slot k on an item has probability ``patience ** k`` times the user's taste for it.
    Whether they look at a slot depends on no other: position bias without preference is a user
    whose tastes are all the same (``spread`` 0). A part of taste is shared, so that some items are
    better for everybody, and something can be learned from clicks.

    Args:
        seed: of tastes; a user's taste for an item depends on nothing but the two and this.
        liking: taste for an average item, from 0 to 1.
        spread: how much tastes differ, as a standard deviation of log odds.
        patience: share of those that look at a slot who look at the next one.
    """

    WIDTH, SHARED = 8, 2.0

    def __init__(
        self,
        *,
        seed: int = 0,
        liking: float = 0.15,
        spread: float = 1.5,
        patience: float = 0.85,
    ) -> None:
        self.seed, self.patience = seed, patience
        self._odds, self._spread = np.log(liking / (1 - liking)), spread
        self._vectors: dict[tuple[str, str], Floats] = {}

    def taste(self, user: str, items: Sequence[str]) -> Floats:
        """Return the probability that a user who looks at items clicks each."""
        mine = np.append(self.SHARED, self._vector("user", user)[1:])
        theirs = np.array([self._vector("item", item) for item in items]).reshape(-1, self.WIDTH)
        width = np.sqrt(self.SHARED**2 + self.WIDTH - 1)
        odds = self._odds + self._spread * (theirs @ mine) / width
        return np.asarray(1 / (1 + np.exp(-odds)), np.float64)

    def look(self, slots: int) -> Floats:
        """Return the probability of a look at each slot."""
        return np.asarray(self.patience ** np.arange(slots), np.float64)

    def clicks(self, user: str, items: Sequence[str], rng: np.random.Generator) -> list[int]:
        """Return the slots that a user clicks."""
        chance = self.look(len(items)) * self.taste(user, items)
        return np.flatnonzero(rng.random(len(items)) < chance).tolist()

    def worth(self, user: str, items: Sequence[str]) -> float:
        """Return how many clicks a slate gets on average."""
        return float(self.look(len(items)) @ self.taste(user, items))

    def _vector(self, kind: str, name: str) -> Floats:
        found = self._vectors.get((kind, name))
        if found is None:
            key = f"{self.seed}/{kind}/{name}".encode("utf-8", "surrogatepass")
            digest = hashlib.blake2b(key, digest_size=8).digest()
            found = np.random.default_rng(int.from_bytes(digest)).standard_normal(self.WIDTH)
            self._vectors[kind, name] = found
        return found
