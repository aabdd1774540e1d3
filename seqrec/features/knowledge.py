"""Vectors of the items from a graph of what is known of them, trained before any event is seen."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor

from seqrec.disk.write import replacing
from seqrec.errors import ConfigError
from seqrec.features.graph import Graph, Triples
from seqrec.terminal.say import say

Scores = Callable[[Tensor, Tensor, Tensor], Tensor]
OF_GRAPH = ("path", "head", "relation", "tail", "columns", "shuffled", "seed")
DEFAULTS = {"model": "transe", "dim": 64, "epochs": 100, "lr": 0.1, "negatives": 8, "batch": 1024}
MARGIN = 1.0  # of TransE
DECAY = 1e-3  # of ComplEx: the weight of the squared norms
VERSION = 1  # raised whenever the same settings give other vectors


def transe(h_ED: Tensor, r_ED: Tensor, t_ED: Tensor) -> Tensor:
    """Return ``-|h + r - t|`` of each triple (Bordes et al. 2013, equation 1, with the L2 norm)."""
    return -(h_ED + r_ED - t_ED).norm(dim=-1)


def complex_product(h_ED: Tensor, r_ED: Tensor, t_ED: Tensor) -> Tensor:
    """Return ``Re <h, r, conj(t)>`` of each triple (Trouillon et al. 2016, equation 9).

    The first half of a vector is real, the second imaginary.
    """
    (h, h_i), (r, r_i), (t, t_i) = (each.chunk(2, dim=-1) for each in (h_ED, r_ED, t_ED))
    return ((h * r - h_i * r_i) * t + (h * r_i + h_i * r) * t_i).sum(-1)


def train(
    triples: Triples, *, model: str, dim: int, epochs: int, lr: float, negatives: int, batch: int
) -> tuple[Tensor, Tensor]:
    """Learn vectors of all entities and relations, by Adagrad, from a seed of their own.

    Each triple is compared with `negatives` copies whose head or tail is another entity. TransE
    asks for a margin and keeps entities at length 1 (Bordes et al. 2013, algorithm 1); ComplEx
    minimises the logistic loss with a squared norm (Trouillon et al. 2016, equation 11).

    Returns:
        ``entity_XD``, with a row of zeros for the padding, and ``relation_RD``.
    """
    score, loss_of, unit = MODELS[model]
    generator = torch.Generator().manual_seed(0)
    shape = (triples.n_entities, dim), (len(triples.relations), dim)
    entity_XD, relation_RD = (
        (torch.randn(size, generator=generator) / dim**0.5).requires_grad_() for size in shape
    )
    optimizer = torch.optim.Adagrad([entity_XD, relation_RD], lr=lr)
    with torch.enable_grad():
        for _ in range(epochs):
            for place in torch.randperm(len(triples), generator=generator).split(batch):
                head_E, tail_E = triples.head_E[place, None], triples.tail_E[place, None]
                shape_EN = (len(place), negatives)
                other_EN = torch.randint(1, triples.n_entities, shape_EN, generator=generator)
                at_head_EN = torch.rand(shape_EN, generator=generator) < 0.5
                head_EN = torch.cat([head_E, torch.where(at_head_EN, other_EN, head_E)], dim=1)
                tail_EN = torch.cat([tail_E, torch.where(at_head_EN, tail_E, other_EN)], dim=1)
                h, t = F.embedding(head_EN, entity_XD), F.embedding(tail_EN, entity_XD)
                r = F.embedding(triples.relation_E[place, None], relation_RD).expand_as(h)
                optimizer.zero_grad()
                loss_of(score(h, r, t), h, r, t).backward()
                optimizer.step()
                if unit:
                    with torch.no_grad():
                        entity_XD.copy_(F.normalize(entity_XD, dim=1))
    entity_XD = entity_XD.detach()
    entity_XD[0] = 0
    return entity_XD, relation_RD.detach()


def _margin(score_EN: Tensor, *vectors: Tensor) -> Tensor:
    return F.relu(MARGIN - score_EN[:, :1] + score_EN[:, 1:]).mean()


def _logistic(score_EN: Tensor, *vectors: Tensor) -> Tensor:
    sizes = sum(each.square().sum(-1).mean() for each in vectors)
    return F.softplus(-score_EN[:, 0]).mean() + F.softplus(score_EN[:, 1:]).mean() + DECAY * sizes


MODELS: dict[str, tuple[Scores, Callable[..., Tensor], bool]] = {
    "transe": (transe, _margin, True),
    "complex": (complex_product, _logistic, False),
}


def graph_vectors(
    table: pl.DataFrame, settings: Mapping[str, Any], cache_dir: str | None = None
) -> Tensor:
    """Return vectors of the items, scaled to unit variance.

    They depend on the graph and the settings alone, and are kept: in a process by themselves, and
    between runs in `cache_dir`.

    Args:
        table: the item table.
        settings: keys of :class:`~seqrec.features.graph.Graph`, and those of :data:`DEFAULTS`.
        cache_dir: the folder of prepared datasets; None: nothing is kept on the disk.

    Returns:
        float32 (V, dim); zeros for the padding id and for items that occur in no triple.

    Raises:
        ConfigError: a key is unknown, or a value out of range.
        DataError: the graph can't be read.
    """
    own = DEFAULTS | {name: value for name, value in settings.items() if name in DEFAULTS}
    of_graph = {name: value for name, value in settings.items() if name in OF_GRAPH}
    _check(settings, own)
    triples = Graph(items=lambda: table, **of_graph).triples()
    assert triples is not None, "the table is there"
    edges = torch.stack([triples.head_E, triples.relation_E, triples.tail_E]).numpy()
    facts = (VERSION, triples.n_entities, len(triples.relations), *own.items())
    key = hashlib.sha256(edges.tobytes() + repr(facts).encode()).hexdigest()[:16]
    file = None if cache_dir is None else Path(cache_dir).expanduser() / f"graph-{key}.npy"
    entity_XD = torch.from_numpy(_kept(_Once(key, triples, own), file))
    known_V = triples.known
    vector_VD = torch.where(known_V[:, None], entity_XD[: len(known_V)], 0.0)
    return vector_VD / vector_VD[known_V].square().mean().sqrt()


class _Once:
    """What is to be trained, equal to another of the same key."""

    def __init__(self, key: str, triples: Triples, own: dict[str, Any]) -> None:
        self.key, self.triples, self.own = key, triples, own

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and other.key == self.key


@lru_cache(maxsize=8)
def _kept(once: _Once, file: Path | None) -> np.ndarray:
    """Return the vectors of all entities, from the disk if they are there."""
    shape = (once.triples.n_entities, once.own["dim"])
    if file is not None:
        with suppress(OSError, ValueError, EOFError):
            found = np.load(file, allow_pickle=False)
            if found.shape == shape and found.dtype == np.float32 and np.isfinite(found).all():
                return found
    say(f"training {once.own['model']} vectors of {len(once.triples):,} triples")
    vectors = train(once.triples, **once.own)[0].numpy()
    if file is not None:
        with suppress(OSError):  # the folder may be read-only
            file.parent.mkdir(parents=True, exist_ok=True)
            with replacing(file) as part, part.open("wb") as stream:
                np.save(stream, vectors)
    return vectors


def _check(settings: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise a ConfigError at an unknown key or a value that can't be used."""
    where = "embedding.features: graph"
    unknown = [name for name in settings if name not in (*OF_GRAPH, *DEFAULTS)]
    if unknown:
        raise ConfigError(
            f"{unknown[0]!r} is no key of a graph",
            where=where,
            todo=f"use some of: {', '.join((*OF_GRAPH, *DEFAULTS))}",
        )
    if own["model"] not in MODELS:
        raise ConfigError(f"model={own['model']!r} is none of {', '.join(MODELS)}", where=where)
    for name in ("dim", "epochs", "negatives", "batch"):
        if not isinstance(own[name], int) or own[name] < 1:
            raise ConfigError(
                f"{name}={own[name]!r} must be a whole number of at least 1", where=where
            )
    if not isinstance(own["lr"], int | float) or own["lr"] <= 0:
        raise ConfigError(f"lr={own['lr']!r} must be more than 0", where=where)
    if own["model"] == "complex" and own["dim"] % 2:
        raise ConfigError(
            f"dim={own['dim']} is odd, but half of a complex vector is imaginary", where=where
        )
