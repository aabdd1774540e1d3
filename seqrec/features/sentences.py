"""Encode texts as vectors with a language model (Reimers and Gurevych 2019)."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.errors import ConfigError, DataError
from seqrec.home import install

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def sentence_vectors(texts: pl.Series, model: str) -> Tensor:
    """Return the model's vectors of unit length, scaled to unit variance over all texts.

    They are computed once per process, whatever the number of runs.

    Args:
        texts: one per item; null or empty gives zeros.
        model: a folder, an installed package with a folder ``model``, or a name on Hugging Face,
            which is fetched.

    Returns:
        float32 (n, width).

    Raises:
        ConfigError: sentence-transformers isn't installed.
        DataError: the model can't be found.
    """
    text = texts.cast(pl.String).str.strip_chars().fill_null("")
    present = (text != "").to_numpy()
    vectors = torch.from_numpy(_encoded(tuple(text.filter(present).unique().sort()), model))
    place = text.filter(present).rank("dense").to_numpy().astype("int64") - 1
    found = torch.zeros(len(text), vectors.shape[1])
    found[torch.from_numpy(present)] = vectors[torch.from_numpy(place)]
    return found / vectors.pow(2).mean().sqrt()


@lru_cache(maxsize=4)
def _encoded(texts: tuple[str, ...], model: str) -> np.ndarray:
    encoder = _loaded(model)
    with torch.random.fork_rng():
        return encoder.encode(
            list(texts), normalize_embeddings=True, show_progress_bar=len(texts) > 5000
        ).astype(np.float32)


def _loaded(model: str) -> "SentenceTransformer":
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar
    except ImportError as error:
        raise ConfigError(
            "vectors of sentences need sentence-transformers",
            where="embedding.features",
            todo=f"{install('sentences')}, or use text",
        ) from error
    disable_progress_bar()  # loading takes only a moment
    try:
        return SentenceTransformer(_place(model))
    except (OSError, ValueError) as error:
        raise DataError(
            f"there is no model {model!r}: {str(error).splitlines()[0]}",
            where="embedding.features",
            todo="use a folder, an installed package that carries a model, or a name on Hugging "
            "Face, which must then be reachable",
        ) from error


def _place(model: str) -> str:
    """Return the folder of a model that a package carries, or `model` unchanged."""
    if model.isidentifier() and not Path(model).exists():
        found = importlib.util.find_spec(model)
        for folder in (found.submodule_search_locations or ()) if found else ():
            if (Path(folder) / "model" / "modules.json").is_file():
                return str(Path(folder) / "model")
    return model
