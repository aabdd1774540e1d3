"""What makes the lists: an exported bundle, without torch, or a run."""

from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.bundle.batch import TIME, Batch
from seqrec.bundle.bundle import Bundle
from seqrec.disk.manifest import sha256_of
from seqrec.nightly.histories import Block, Ints
from seqrec.nightly.top import Floats, Scorable, top_items

if TYPE_CHECKING:  # a bundle needs no torch
    from seqrec.nightly.job import Settings

BATCH = 64  # histories that a bundle reads at once


class Lister(Protocol):
    """Makes lists of histories, ``lists(block) -> item_UK, score_UK``: see :func:`top_items`.

    Attributes:
        sha: hash of the model.
        ids: original ids of the items 1, 2, ...
        categories: of each column of the events that the model reads, the names of the codes; None
            for numbers and times.
    """

    sha: str
    ids: pl.Series
    categories: dict[str, list[str] | None]

    def lists(self, block: Block) -> tuple[Ints, Floats]:
        """Return the lists of a block of users, each of whom has events."""
        ...


class OfBundle:
    """Lists of a bundle, in the order of its scores.

    Args:
        folder: the bundle.
        settings: what is asked for.
    """

    def __init__(self, folder: Path, settings: "Settings") -> None:
        self.bundle, self.settings = Bundle.open(folder), settings
        self.sha = self.bundle.sha
        manifest, columns = self.bundle.manifest, self.bundle.columns
        self.ids = self.bundle.catalogue["item"]
        self.k = min(settings.k, len(self.ids))
        self.categories = {name: columns[name].get("categories") for name in manifest["wanted"]}
        allowed_V = self.bundle.allowed(allow=settings.allow, deny=settings.deny)
        self.items = Scorable(self.bundle.vectors, self.bundle.bias, allowed_V)
        self.masks = manifest["mask_seen"] if settings.mask_seen is None else settings.mask_seen

    def lists(self, block: Block) -> tuple[Ints, Floats]:
        """Return the best items of each history."""
        longest = self.bundle.manifest["max_length"]
        query_UD = np.empty((len(block.user), self.bundle.manifest["dim"]), np.float32)
        for row_B in _batches(block, BATCH):
            arrays = block.padded(row_B, longest)
            query_UD[row_B] = self.bundle.run(self._batch(arrays))[0]
        return best(block, query_UD, self.items, k=self.k, masks=self.masks)

    def _batch(self, arrays: dict[str, NDArray[Any]]) -> Batch:
        length_B = arrays.pop("length")
        return Batch(
            item_BL=arrays.pop("item"),
            length_B=length_B,
            user_B=arrays.pop("user"),
            asked_B=np.full(len(length_B), self.settings.asked),
            event=arrays,
            seen=[],
            unknown=[],
        )


class OfRun:
    """Lists of a run, in the order of its policy; on a GPU if one is available.

    Args:
        folder: the run.
        settings: what is asked for.
    """

    def __init__(self, folder: Path, settings: "Settings") -> None:
        import torch

        from seqrec.config.trust import Trust
        from seqrec.machine.hardware import find_hardware
        from seqrec.recommend.arguments import choice_of, ids_of
        from seqrec.recommend.choose import GENERATORS, check_obeys
        from seqrec.recommend.recommender import Recommender
        from seqrec.run.folder import RunFolder

        trust = Trust.given(trust=settings.trust, searchpath=settings.searchpath)
        opened = RunFolder.open(folder, trust)
        recommender = Recommender.of(opened)
        self.settings, self.config = settings, recommender.config
        self.ids = pl.Series("item", recommender.items.ids, dtype=pl.String)
        self.k = min(settings.k, len(self.ids))
        files = (opened.best, opened.path / "config.yaml", opened.path / "catalogue.parquet")
        self.sha = sha256(" ".join(map(sha256_of, files)).encode()).hexdigest()
        events = recommender.events
        self.categories = {
            name: None if name == TIME else events[name].categories
            for name in recommender.model.wanted
        }
        indices, allow = recommender.items.indices, settings.allow
        policy = recommender.policy.narrowed(
            mask_seen=choice_of(settings.mask_seen),
            allow=None if allow is None else indices(ids_of(allow, where="allow"), where="allow"),
            deny=indices(ids_of(settings.deny, where="deny"), where="deny"),
        )
        self.generator = next(iter(GENERATORS.build(settings.generator).values()), None)
        check_obeys(self.generator, policy)
        self.device = torch.device(find_hardware("auto", "fp32").kind)
        self.model, self.policy = recommender.model.to(self.device), policy.to(self.device)

    @cached_property
    def catalogue(self) -> Any:
        """What queries are scored against."""
        return self.model.catalogue()

    @cached_property
    def items(self) -> Scorable | None:
        """The items, if their scores alone decide, and are products of vectors on a CPU."""
        from seqrec.catalogue import Catalogue

        catalogue, reranker = self.catalogue, self.policy.reranker
        by_score = self.generator is None and (reranker is None or not reranker.depth)
        if self.device.type != "cpu" or not by_score or not isinstance(catalogue, Catalogue):
            return None
        bias_V, ranked_V = catalogue.bias_V, self.policy.ranked_V
        return Scorable(
            catalogue.table_VD.detach().float().numpy(),
            None if bias_V is None else bias_V.detach().float().numpy(),
            np.ones(len(catalogue), bool) if ranked_V is None else ranked_V.numpy(),
        )

    def lists(self, block: Block) -> tuple[Ints, Floats]:
        """Return the best items of each history, or those that the generator makes."""
        import torch

        with torch.no_grad():
            return self._ranked(block) if self.items is None else self._scored(block, self.items)

    def _scored(self, block: Block, items: Scorable) -> tuple[Ints, Floats]:
        queries, rows = [], []
        for row_B in _batches(block, self.config.batch.eval_size):
            history = self._eval_batch(block, row_B).history
            query: Any = self.model.query(history, self.policy.candidate_V)
            queries.append(query.float().numpy())
            rows.append(row_B)
        query_UD = np.concatenate(queries)
        query_UD[np.concatenate(rows)] = query_UD.copy()
        return best(block, query_UD, items, k=self.k, masks=self.policy.mask_seen)

    def _ranked(self, block: Block) -> tuple[Ints, Floats]:
        from seqrec.generator import Asker
        from seqrec.generator.topk import TopK

        k = self.k
        make = self.generator or TopK()
        asker = Asker(self.model, self.catalogue, self.policy, self.config.max_length)
        item_UK = np.zeros((len(block.user), k), np.int64)
        score_UK = np.full((len(block.user), k), -np.inf, np.float32)
        for row_B in _batches(block, self.config.batch.eval_size):
            item_BK, score_BK = make(asker, self._eval_batch(block, row_B).to(self.device), k)
            item_UK[row_B], score_UK[row_B] = item_BK.cpu().numpy(), score_BK.cpu().numpy()
        return item_UK, score_UK

    def _eval_batch(self, block: Block, row_B: Ints) -> Any:
        """Return histories as the model's input; their latest items stand in for the targets."""
        import torch

        from seqrec.shapes import EvalBatch, History

        arrays = block.padded(row_B, self.config.max_length)
        item_BL, length_B, user_B = (
            torch.from_numpy(arrays.pop(name)) for name in ("item", "length", "user")
        )
        at_B = torch.arange(len(row_B))
        seen_row_P, seen_item_P = map(torch.from_numpy, block.seen(row_B))
        return EvalBatch(
            history=History(
                item_BL=item_BL,
                length_B=length_B,
                user_B=user_B,
                event={name: torch.from_numpy(values) for name, values in arrays.items()},
                asked_B=torch.full_like(length_B, self.settings.asked),
            ),
            event_B=at_B,
            target_B=item_BL[at_B, length_B - 1],
            rating_B=None,
            seen_row_P=seen_row_P,
            seen_item_P=seen_item_P,
        )


def best(
    block: Block, query_UD: Floats, items: Scorable, *, k: int, masks: bool
) -> tuple[Ints, Floats]:
    """Return the best items of each query, without those of its history if `masks`."""
    nothing: Ints = np.empty(0, np.int64)
    seen = block.seen(np.arange(len(block.user))) if masks else (nothing, nothing)
    return top_items(query_UD, items, k=k, seen_row_P=seen[0], seen_item_P=seen[1])


def _batches(block: Block, size: int) -> list[Ints]:
    """Return the rows of a block in batches, the longest histories first."""
    order = np.argsort(-block.lengths, kind="stable")
    return [order[first : first + size] for first in range(0, len(order), size)]
