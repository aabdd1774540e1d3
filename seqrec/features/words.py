"""Encode texts as means of pretrained vectors of their tokens: no network, no forward pass."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.errors import ConfigError, DataError
from seqrec.home import install

BATCH = 4096  # texts tokenised at once


def word_vectors(texts: pl.Series, model: str) -> Tensor:
    """Return means of the tokens' vectors, of unit length, scaled to unit variance over all texts.

    Such vectors (WordLlama: the token table of a language model, made smaller and trained further;
    model2vec is alike) are worth less than those of a whole language model, and cost a lookup.

    Args:
        texts: one per item; null or empty gives zeros.
        model: a folder, or an installed package, with ``weights/*.safetensors`` (one table, a row
            for each token) and ``tokenizers/*.json``: ``wordllama`` carries both.

    Returns:
        float32 (n, width).

    Raises:
        ConfigError: tokenizers and safetensors aren't installed.
        DataError: the model can't be found or read.
    """
    text = texts.cast(pl.String).str.strip_chars().fill_null("").to_list()
    place = str(_place(model))
    found = [_means(place, text[at : at + BATCH]) for at in range(0, len(text), BATCH)]
    vector_ND = torch.from_numpy(np.concatenate(found))
    return vector_ND / vector_ND[vector_ND.any(1)].square().mean().sqrt()


def _means(place: str, texts: list[str]) -> np.ndarray:
    """Return the mean of each text's vectors, of length 1; zeros for a text without tokens."""
    tokenizer, table_TD = _loaded(place)
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    row = np.repeat(np.arange(len(texts)), [len(each.ids) for each in encoded])
    token = np.array([token for each in encoded for token in each.ids], dtype=np.int64)
    sum_ND = np.zeros((len(texts), table_TD.shape[1]), dtype=np.float32)
    np.add.at(sum_ND, row, table_TD[token.clip(max=len(table_TD) - 1)])
    length_N1 = np.linalg.norm(sum_ND, axis=1, keepdims=True)
    return sum_ND / np.maximum(length_N1, np.finfo(np.float32).tiny)


@lru_cache(maxsize=2)
def _loaded(place: str) -> tuple[Any, np.ndarray]:
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError as error:
        raise ConfigError(
            "vectors of words need tokenizers and safetensors",
            where="embedding.features",
            todo=f"{install('words')}, or use text",
        ) from error
    try:
        [weights] = Path(place).glob("weights/*.safetensors")
        [words] = Path(place).glob("tokenizers/*.json")
        [table_TD] = load_file(weights).values()
        return Tokenizer.from_file(str(words)), np.asarray(table_TD, dtype=np.float32)
    except Exception as error:  # tokenizers raises bare ones
        raise DataError(
            f"no table of token vectors and tokenizer: {str(error).splitlines()[0]}",
            where=place,
            todo="use a folder or a package that has one weights/*.safetensors with one table, "
            "and one tokenizers/*.json",
        ) from error


def _place(model: str) -> Path:
    """Return the folder of a model: `model`, or that of the package, which isn't imported."""
    if Path(model).is_dir():
        return Path(model)
    found = importlib.util.find_spec(model) if model.isidentifier() else None
    for folder in (found.submodule_search_locations or ()) if found else ():
        return Path(folder)
    raise DataError(
        f"there is no folder and no installed package {model!r}",
        where="embedding.features",
        todo=f"name a folder, or {install('words')} and write {{words: wordllama}}",
    )
