"""A bundle that answers: encoded, searched, and asked in batches."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.bundle import Bundle
from seqrec.bundle.batch import Batch
from seqrec.errors import ConfigError
from seqrec.index import NOTHING, Allowed, Found, Index, Tables, Wanted
from seqrec.recommend.session import Session
from seqrec.serve.batches import joined, shortened
from seqrec.serve.queue import Queue, clock

TOGETHER = 32  # requests that are answered at once
INLINE_MS = 5.0  # an answer that takes longer is made in a thread, which takes time to wake
WAITING = 256  # requests that may wait
POPULAR = 1024  # items that are looked at first for popular ones
PROBED = 16  # sessions that the time and the recall of an index are measured on

MakeIndex = Callable[..., Index]


@dataclass(frozen=True)
class Work:
    """Sessions to encode, and what is wanted for each; nothing: only their queries."""

    batch: Batch
    wanted: Sequence[Wanted]


@dataclass(frozen=True)
class Result:
    """What was found for a work, and how long its batch took.

    Args:
        query_BD: the queries.
        found: the best items, of each query that anything was wanted for.
        encode_ms: time of the batch in the encoder.
        search_ms: time of the batch in the index.
        together: works of the batch.
    """

    query_BD: NDArray[np.float32]
    found: list[Found]
    encode_ms: float
    search_ms: float
    together: int


class Model:
    """A bundle with an index over its items.

    Args:
        bundle: the bundle.
        make_index: makes the index of tables.
        waiting: requests that may wait.

    Raises:
        ConfigError: the bundle lacks what the index needs.
    """

    def __init__(self, bundle: Bundle, make_index: MakeIndex, *, waiting: int = WAITING) -> None:
        self.bundle, self.items, self.sha = bundle, bundle.items, bundle.sha
        self.mask_seen: bool = bundle.manifest["mask_seen"]
        self.tables = tables_of(bundle, make_index)
        self.index: Index = make_index(tables=self.tables)
        self.alone_ms = self._probed_ms()
        self.recall = 1.0 if self.index.exact else self._probed_recall()
        apart = self.alone_ms > INLINE_MS
        self.queue: Queue[Work, Result] = Queue(
            self.answer, most=TOGETHER, length=waiting, apart=apart
        )

    def answer(self, works: Sequence[Work]) -> list[Result]:
        """Encode all works in one batch, and search for those that want something."""
        begun = clock()
        query_BD, _ = self.bundle.run(joined([work.batch for work in works]))
        encoded = clock()
        parts = [query_BD]
        if len(works) > 1:
            ends = np.cumsum([len(work.batch.length_B) for work in works])
            parts = np.split(query_BD, ends[:-1])
        asking = [(part, work) for part, work in zip(parts, works, strict=True) if work.wanted]
        found: list[Found] = []
        if asking:
            rows = parts[0] if len(works) == 1 else np.concatenate([part for part, _ in asking])
            found = self.index.search(rows, [each for _, work in asking for each in work.wanted])
        took = encoded - begun, clock() - encoded
        results, at = [], 0
        for part, work in zip(parts, works, strict=True):
            results.append(Result(part, found[at : at + len(work.wanted)], *took, len(works)))
            at += len(work.wanted)
        return results

    def without_each(self, batch: Batch) -> Work:
        """Return the work that asks for a session without each of its events."""
        return Work(shortened(batch), ())

    def weights(
        self, query_LD: NDArray[np.float32], found: Found, item_K: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return what the scores of items lose without each event: (L, K).

        Args:
            query_LD: queries of the session without each event.
            found: what the whole session found.
            item_K: some of these items.
        """
        place = {item: at for at, item in enumerate(found.item_K.tolist())}
        whole_K = found.score_K[[place[item] for item in item_K.tolist()]]
        score_LK = query_LD @ self.tables.item_VD[item_K].T
        if self.tables.bias_V is not None:
            score_LK += self.tables.bias_V[item_K]
        return whole_K - score_LK

    def similar(
        self,
        items: Sequence[int] | NDArray[np.int64],
        k: int,
        allowed: Allowed,
        without: NDArray[np.int64] = NOTHING,
    ) -> Found:
        """Return the items whose vectors have the largest mean cosine with those of some items.

        Args:
            items: some items, which aren't found.
            k: length of the list.
            allowed: items that may be found.
            without: further items that may not.
        """
        at = np.asarray(items)
        length_N = np.where(self._lengths[at] > 0, self._lengths[at], 1)
        query_D = (self.tables.item_VD[at] / length_N[:, None]).mean(0)
        score_V = self.tables.item_VD @ query_D
        score_V /= np.where(self._lengths > 0, self._lengths, np.inf)
        score_V[at], score_V[without], score_V[~allowed.mask_V] = -np.inf, -np.inf, -np.inf
        best = np.argpartition(-score_V, min(k, len(score_V) - 1))[:k]
        best = best[np.lexsort((best, -score_V[best]))]
        best = best[score_V[best] > -np.inf]
        return Found(best, score_V[best])

    def popular(self, k: int, allowed: Allowed, without: NDArray[np.int64] = NOTHING) -> Found:
        """Return the items with the most training events, which are their scores.

        A bundle of a version that didn't count them has none.

        Args:
            k: length of the list.
            allowed: items that may be found.
            without: further items that may not.
        """
        order, found, first, width = self.by_events, NOTHING, 0, POPULAR
        while len(found) < k and first < len(order):
            some = order[first : first + width]
            some = some[allowed.mask_V[some]]
            found = np.concatenate([found, some[~np.isin(some, without)]])
            first, width = first + width, 2 * width
        count_V = self.bundle.events
        score_K = np.empty(0) if count_V is None else count_V[found[:k]]
        return Found(found[:k], score_K.astype(np.float32))

    def titled(self, text: str, k: int) -> list[int]:
        """Return the items whose titles or ids hold a text, those that begin with it first."""
        title = pl.col("title").fill_null(pl.col("item")).str.to_lowercase()
        words = text.lower()
        table = pl.scan_parquet(self.bundle.path / "catalogue.parquet").select(
            "index", title=title, item=pl.col("item").cast(pl.String)
        )
        held = table.filter(
            pl.col("title").str.contains(words, literal=True) | (pl.col("item") == text)
        )
        order = [
            pl.col("item") != text,
            ~pl.col("title").str.starts_with(words),
            pl.col("title").str.len_chars(),
            "index",
        ]
        return held.sort(order).head(k).collect()["index"].to_list()

    @cached_property
    def categories(self) -> dict[str, NDArray[np.int32]]:
        """Indices of the items of each category."""
        table = self.bundle.catalogue
        if "categories" not in table.columns:
            return {}
        rows = table.select("index", pl.col("categories")).explode("categories").drop_nulls()
        groups = rows.group_by(pl.col("categories").cast(pl.String)).agg("index")
        members = zip(groups["categories"], groups["index"], strict=True)
        return {name: each.to_numpy().astype(np.int32) for name, each in members}

    @cached_property
    def by_events(self) -> NDArray[np.int64]:
        """The candidates, those with the most training events first; none if that isn't known."""
        if self.bundle.events is None:
            return NOTHING
        candidates = np.flatnonzero(self.items.candidate_V)
        return candidates[np.argsort(-self.bundle.events[candidates], kind="stable")]

    @cached_property
    def _lengths(self) -> NDArray[np.float32]:
        return np.sqrt(np.einsum("vd,vd->v", self.tables.item_VD, self.tables.item_VD))

    def _probes(self) -> list[Work]:
        """Return works of sessions that are spread over the catalogue."""
        size = len(self.items)
        rng = np.random.default_rng(0)
        ids = [self.items.id(int(at) + 1) for at in rng.integers(size, size=4 * PROBED)]
        allowed = Allowed.of(self.items.candidate_V)
        sessions = [Session(ids[at::PROBED]) for at in range(PROBED)]
        return [Work(self.bundle.batcher([s]), [Wanted(10, allowed)]) for s in sessions]

    def _probed_ms(self) -> float:
        """Return the usual time of an answer to a lone request."""
        seconds = []
        for work in self._probes()[:5]:
            begun = clock()
            self.answer([work])
            seconds.append(clock() - begun)
        return statistics.median(seconds)

    def _probed_recall(self) -> float:
        """Return the share of the exact lists that the index finds, on a few sessions."""
        from seqrec.index.exact import Exact

        works = self._probes()
        query_BD, _ = self.bundle.run(joined([work.batch for work in works]))
        wanted = [work.wanted[0] for work in works]
        pairs = zip(
            Exact(tables=self.tables).search(query_BD, wanted),
            self.index.search(query_BD, wanted),
            strict=True,
        )
        shares = [np.isin(e.item_K, f.item_K).mean() for e, f in pairs if len(e.item_K)]
        return float(np.mean(shares)) if shares else 1.0


def tables_of(bundle: Bundle, make_index: Any) -> Tables:
    """Return the tables of a bundle, with what an index needs.

    Raises:
        ConfigError: the bundle lacks it.
    """
    kind = getattr(make_index, "func", make_index)
    small = bundle.int8 if "code_VD" in kind.needs else (None, None)
    if small is None:
        raise ConfigError(
            "the bundle has no int8 table, which this index needs",
            where=str(bundle.path),
            todo="export the run with int8=true, or choose index=exact",
        )
    return Tables(bundle.vectors, bundle.bias, *small)
