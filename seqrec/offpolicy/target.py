"""How the target ranks the candidates of logged requests."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from seqrec.bundle import Bundle
from seqrec.bundle.rank import top_items
from seqrec.errors import ConfigError, DataError
from seqrec.offpolicy.arrays import Ints, Ranked
from seqrec.recommend.session import Session

ROWS = 256  # histories at once


@dataclass(frozen=True)
class Rescored:
    """What a bundle makes of the requests of a log.

    Args:
        ranked: the candidates of each slate whose history it knows.
        known_N: which slates those are.
        items: number of item codes, those of items that only the bundle has among them.
    """

    ranked: Ranked
    known_N: np.ndarray
    items: int


def check_readable(bundle: Bundle) -> None:
    """Refuse a bundle that reads more than the items of a history.

    Raises:
        ConfigError: it does.
    """
    wanted = bundle.manifest["wanted"]
    if wanted:
        raise ConfigError(
            f"the target reads {', '.join(wanted)} of the events, and a log holds items alone",
            where="target",
            todo="compare it on a share of the traffic instead, with seqrec promote stage=canary",
        )


def rescore(
    bundle: Bundle, histories: pl.Series, ids: list[str], own: Ranked, *, most: int | None
) -> Rescored:
    """Rank candidates of a bundle for logged histories.

    Args:
        bundle: the target.
        histories: lists of original ids, oldest first.
        ids: original ids by code.
        own: the logged candidates.
        most: number of candidates, the best of the whole catalogue; None: the logged ones, in the
            target's order.

    Raises:
        DataError: the bundle knows none of the histories.
    """
    once = pl.DataFrame({"history": histories}).with_row_index("row")
    once = once.with_columns(pl.col("history").list.join("\0").rank("dense").alias("number") - 1)
    first = once.unique("number", keep="first").sort("number")
    lists = [list(map(str, items)) for items in first["history"].to_list()]
    known_U = np.array([any(map(bundle.items.index, items)) for items in lists], dtype=bool)
    if not known_U.any():
        raise DataError(
            "the target's catalogue has none of the items that the log's sessions hold",
            where="target",
            todo="name a bundle of the same data, as target=FOLDER",
        )
    number_N = once["number"].to_numpy()
    known_N = known_U[number_N]
    place_U = np.cumsum(known_U) - 1
    row_N = place_U[number_N[known_N]]
    sessions = [Session(items) for items, known in zip(lists, known_U, strict=True) if known]
    code_V, items = _codes(bundle, ids)
    own = own.rows(known_N)
    parts = []
    for begin in range(0, len(sessions), ROWS):
        batch = bundle.batcher(sessions[begin : begin + ROWS])
        query_BD, _ = bundle.run(batch)
        masked = batch.seen if bundle.manifest["mask_seen"] else None
        parts.append((query_BD, masked))
    if most is None:
        query_UD = np.concatenate([query for query, _ in parts])
        return Rescored(_reordered(bundle, query_UD[row_N], own, code_V), known_N, items)
    found = [
        top_items(
            query,
            bundle.vectors,
            bundle.bias,
            k=min(most, len(bundle.items)),
            allowed_V=bundle.items.candidate_V,
            masked=masked,
        )
        for query, masked in parts
    ]
    item_UM = np.concatenate([item for item, _ in found])
    score_UM = np.concatenate([score for _, score in found]).astype(np.float64)
    ranked = Ranked(np.where(item_UM > 0, code_V[item_UM], -1), score_UM)
    return Rescored(Ranked(ranked.item_NM[row_N], ranked.score_NM[row_N]), known_N, items)


def _codes(bundle: Bundle, ids: list[str]) -> tuple[Ints, int]:
    """Return the code of each item of a bundle, new ones for those without, and how many."""
    index_C = np.array([bundle.items.index(each) for each in ids], dtype=np.int64)
    code_V = np.full(len(bundle.items) + 1, -1, dtype=np.int64)
    code_V[index_C] = np.arange(len(ids))
    new = code_V < 0
    code_V[new] = len(ids) + np.arange(new.sum())
    return code_V, len(ids) + int(new.sum())


def _reordered(bundle: Bundle, query_ND: np.ndarray, own: Ranked, code_V: Ints) -> Ranked:
    """Return the logged candidates in the target's order; what it doesn't know is left out."""
    index_C = np.zeros(code_V.max() + 1, dtype=np.int64)
    index_C[code_V[1:]] = np.arange(1, len(code_V))
    index_NM = np.where(own.item_NM >= 0, index_C[own.item_NM], 0)
    score_NM = np.empty(index_NM.shape)
    for row, (query_D, index_M) in enumerate(zip(query_ND, index_NM, strict=True)):
        score_NM[row] = bundle.vectors[index_M] @ query_D
    if bundle.bias is not None:
        score_NM += bundle.bias[index_NM]
    score_NM[(index_NM == 0) | ~bundle.items.candidate_V[index_NM]] = -np.inf
    order_NM = np.argsort(-score_NM, axis=1, kind="stable")
    score_NM = np.take_along_axis(score_NM, order_NM, 1)
    item_NM = np.take_along_axis(own.item_NM, order_NM, 1)
    return Ranked(np.where(np.isfinite(score_NM), item_NM, -1), score_NM)
