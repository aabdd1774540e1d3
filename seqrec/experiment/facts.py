"""What a model is told about the data."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Facts:
    """What only the data knows."""

    n_items: int
    item_count_V: Tensor | None = None  # training events of each item
    rating_mean: float | None = None  # of the training events; None: no ratings

    def plain(self) -> dict[str, Any]:
        """The part that rebuilding a trained model takes."""
        return {"n_items": self.n_items, "rating_mean": self.rating_mean}
