"""The items that a request allows, and why a list is empty."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.items import Items
from seqrec.index import Allowed
from seqrec.serve.filters import Rules
from seqrec.serve.model import Model
from seqrec.serve.schema import Settings, Similar

Bools = NDArray[np.bool_]
TOLD = 20  # unknown names that an answer holds of each kind

REASONS = {
    "no_items": "the session has no items yet",
    "unknown_items": "the catalogue has none of the session's items",
    "filtered": "the filters allow no item",
    "not_allowed": "allow, deny and categories leave no item",
    "out_of_stock": "every item that is left is out of stock",
    "seen": "every item that is left is in the session; exclude_seen=false allows repeats",
    "no_vector": "no other item is like it",
    "no_state": "the session can't be read for now",
    "late": "the model had no time left",
    "failed": "the model gave no answer",
}


@dataclass(frozen=True)
class Chosen:
    """The allowed items.

    Args:
        allowed: the items.
        unknown: by field, names that the catalogue doesn't have.
        reason: why none is allowed, a key of :data:`REASONS`; None: some are.
    """

    allowed: Allowed
    unknown: dict[str, list[str]] = field(default_factory=dict)
    reason: str | None = None


class Chooser:
    """Works out which items of a model's catalogue are allowed.

    Args:
        model: the model.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._of: Rules | None = None
        self._any_V = self._stocked_V = model.items.candidate_V
        self._plain = Chosen(Allowed.of(self._stocked_V))

    def choose(self, filters: Rules, asked: Settings | Similar) -> Chosen:
        """Return what the filters and a request allow; a denied item is never allowed."""
        if filters is not self._of:
            self._filter(filters)
        plain = asked.allow is None and asked.categories is None and not asked.deny
        if plain and asked.in_stock:
            return self._plain
        unknown: dict[str, list[str]] = {}
        before_V = self._stocked_V if asked.in_stock else self._any_V
        mask_V = before_V if asked.allow is None else before_V & self._mask(asked.allow, unknown)
        if asked.categories is not None:
            mask_V = mask_V & self._of_categories(asked.categories, unknown)
        if asked.deny:
            mask_V = mask_V & ~self._mask(asked.deny, unknown, name="deny")
        allowed = Allowed.of(mask_V)
        nothing = allowed.few is not None and not len(allowed.few)
        return Chosen(allowed, unknown, self._reason(asked, unknown) if nothing else None)

    def _reason(self, asked: Settings | Similar, unknown: dict[str, list[str]]) -> str:
        if not self._any_V.any():
            return "filtered"
        without = Settings(allow=asked.allow, deny=asked.deny, categories=asked.categories)
        without.in_stock = False
        if asked.in_stock and self.choose(self._filters, without).reason is None:
            return "out_of_stock"
        return "not_allowed"

    def _filter(self, filters: Rules) -> None:
        """Apply filters; ids that the catalogue lacks don't matter."""
        known: dict[str, list[str]] = {}
        any_V = self.model.items.candidate_V
        if filters.given.allow is not None:
            any_V = any_V & self._mask(filters.given.allow, known)
        if filters.deny:
            any_V = any_V & ~self._mask(filters.deny, known)
        stocked_V = any_V
        if filters.given.out_of_stock:
            stocked_V = any_V & ~self._mask(filters.given.out_of_stock, known)
        self._any_V, self._stocked_V, self._of = any_V, stocked_V, filters
        nothing = "out_of_stock" if any_V.any() else "filtered"
        self._plain = Chosen(Allowed.of(stocked_V), reason=None if stocked_V.any() else nothing)

    @property
    def _filters(self) -> Rules:
        assert self._of is not None
        return self._of

    def _mask(
        self, ids: Iterable[str | int], unknown: dict[str, list[str]], name: str = "allow"
    ) -> Bools:
        mask_V = np.zeros(len(self.model.items) + 1, dtype=bool)
        texts = [*map(str, ids)]
        found = self.model.items.lookup(texts)
        mask_V[found] = True
        mask_V[0] = False
        note(unknown, name, [t for t, at in zip(texts, found, strict=True) if not at])
        return mask_V

    def _of_categories(self, names: Sequence[str], unknown: dict[str, list[str]]) -> Bools:
        mask_V = np.zeros(len(self.model.items) + 1, dtype=bool)
        members = self.model.categories
        for name in names:
            if name in members:
                mask_V[members[name]] = True
        note(unknown, "categories", [name for name in names if name not in members])
        return mask_V


def missing(items: Items, ids: Sequence[str]) -> list[str]:
    """Return the ids that a catalogue lacks."""
    return [each for each, at in zip(ids, items.lookup(ids), strict=True) if not at]


def note(unknown: dict[str, list[str]], name: str, ids: Sequence[str]) -> None:
    """Note names that the catalogue lacks, the first of them."""
    if ids:
        unknown[name] = [*dict.fromkeys(ids)][:TOLD]
