"""Search in the parts of the table that lie nearest to a query, by faiss."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from seqrec.errors import ConfigError
from seqrec.home import install
from seqrec.index._scan import among, split
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted

SAMPLE = 64  # items that a part is placed by
SEED = 0


class Ivf:
    """Scores the items of `probes` of `parts` parts of the table (an inverted file).

    It misses items of other parts, so its recall is told where it is used. The parts are made when
    it is, of a copy of the table, which takes time and memory. Scores are exact.

    Args:
        tables: what items are scored with; a bias becomes one more column.
        parts: number of parts; None: four times the root of the number of items.
        probes: parts that are looked at for each query.

    Raises:
        ConfigError: faiss isn't installed.
    """

    exact: ClassVar[bool] = False
    needs: ClassVar[tuple[str, ...]] = ()
    bounds: ClassVar[dict[str, tuple[int, float]]] = {
        "parts": (1, 1_000_000_000),
        "probes": (1, 1_000_000_000),
    }

    def __init__(self, *, tables: Tables, parts: int | None = None, probes: int = 32) -> None:
        self.tables, self.probes = tables, probes
        self.faiss = _faiss()
        rows = _with_bias(tables)
        n_parts = parts or round(4 * len(rows) ** 0.5)
        self.n_parts = max(1, min(n_parts, len(rows) // 2))
        self.searched = self._built(rows)

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return split(self.tables, query_BD, wanted, self._nearby)

    def _nearby(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        return [
            among(self.tables, query_D, self._near(query_D, each), each)
            for query_D, each in zip(query_BD, wanted, strict=True)
        ]

    def _near(self, query_D: Floats, wanted: Wanted) -> Any:
        """Return the allowed items nearby, as many as the list needs if it loses those seen."""
        faiss = self.faiss
        packed = np.packbits(wanted.allowed.mask_V, bitorder="little")
        choice = faiss.IDSelectorBitmap(packed)
        asked = faiss.SearchParametersIVF(sel=choice, nprobe=min(self.probes, self.n_parts))
        k = min(wanted.k + len(wanted.without), len(self.tables))
        extra = [] if self.tables.bias_V is None else [np.float32(1)]
        query = np.append(query_D, extra).astype(np.float32)[None]
        _, item_1K = self.searched.search(query, k, params=asked)
        return np.sort(item_1K[0][item_1K[0] > 0])

    def _built(self, rows: Floats) -> Any:
        faiss = self.faiss
        coarse = faiss.IndexFlatIP(rows.shape[1])
        made = faiss.IndexIVFFlat(coarse, rows.shape[1], self.n_parts, faiss.METRIC_INNER_PRODUCT)
        made.own_fields = False
        made.cp.seed, made.cp.min_points_per_centroid = SEED, 1
        rng = np.random.default_rng(SEED)
        some = rng.permutation(len(rows) - 1)[: SAMPLE * self.n_parts] + 1
        made.train(np.ascontiguousarray(rows[np.sort(some)]))
        made.add(np.ascontiguousarray(rows))
        self._coarse = coarse  # the index doesn't own it
        return made


def _with_bias(tables: Tables) -> Floats:
    if tables.bias_V is None:
        return tables.item_VD
    return np.column_stack([tables.item_VD, tables.bias_V]).astype(np.float32)


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise ConfigError(
            "index=ivf needs faiss-cpu", where="index=ivf", todo=install("ann")
        ) from error
    faiss.omp_set_num_threads(1)
    return faiss
