"""Encode texts as vectors: TF-IDF, then a truncated singular value decomposition."""

import polars as pl
import torch
from torch import Tensor

from seqrec.errors import DataError

WORD = r"[\p{L}\p{N}]+"
RARE, COMMON = 2, 0.5  # words in fewer texts, or in a larger share of them, are dropped
EXTRA = 8  # extra dimensions that make the randomised decomposition accurate enough


def text_vectors(texts: pl.Series, dim: int) -> Tensor:
    """Compute latent semantic vectors of texts (Deerwester et al. 1990).

    ``(1 + log tf) * (1 + log((1 + n) / (1 + df)))``, rows of unit length, reduced by a randomised
    SVD (Halko et al. 2011) with a fixed seed, scaled to unit variance over all texts.

    Args:
        texts: one per item; null gives zeros.
        dim: width; smaller if there are fewer words or texts.

    Returns:
        float32 (n, dim).

    Raises:
        DataError: no word is in two texts.
    """
    words = (
        pl.DataFrame({"text": texts.cast(pl.String).str.to_lowercase().str.extract_all(WORD)})
        .with_row_index("row")
        .explode("text", empty_as_null=True)
        .drop_nulls()
        .group_by("row", "text")
        .len("tf")
    )
    limit = max(RARE, COMMON * (len(texts) - texts.null_count()))
    spread = words.group_by("text").len("df").filter(pl.col("df").is_between(RARE, limit))
    spread = spread.sort("text").with_row_index("column")
    n = len(texts)
    weight = (1 + pl.col("tf").log()) * (1 + ((1 + n) / (1 + pl.col("df"))).log())
    entries = words.join(spread, on="text").sort("row", "column").with_columns(weight.alias("w"))
    if entries.is_empty():
        raise DataError(
            f"no word of the column {texts.name!r} occurs in two texts",
            where="embedding.features",
            todo=f"leave {texts.name} out, or write {{{texts.name}: category}}",
        )
    length = (pl.col("w") ** 2).sum().over("row").sqrt()
    entries = entries.with_columns(pl.col("w") / length)
    where = torch.from_numpy(entries.select("row", "column").to_numpy().T.astype("int64"))
    value = torch.from_numpy(entries["w"].to_numpy().astype("float32"))
    matrix = torch.sparse_coo_tensor(
        where, value, (n, len(spread)), check_invariants=True
    ).coalesce()
    width = min(dim, *matrix.shape)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        u, s, _ = torch.svd_lowrank(matrix, q=min(width + EXTRA, *matrix.shape), niter=4)
    vectors = (u * s)[:, :width]
    sign = torch.sign(vectors.gather(0, vectors.abs().argmax(0, keepdim=True)))
    return vectors * sign / vectors.pow(2).mean().sqrt()
