"""What is known of the items as a graph: triples of a head, a relation and a tail."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.errors import ConfigError, DataError
from seqrec.features.values import flat_values, groups_in
from seqrec.raw.parse.edges import read_edges
from seqrec.terminal.say import say

COLUMN = "has_"  # prefix of the relations that columns of the item table make


@dataclass(frozen=True)
class Triples:
    """E triples. Entities 1 .. n_items are the items, 0 is the padding, further ones are others."""

    head_E: Tensor  # int64
    relation_E: Tensor  # int64, from 0
    tail_E: Tensor  # int64
    n_items: int
    n_entities: int  # rows of a table of all entities, the padding's included
    relations: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.head_E)

    @cached_property
    def known(self) -> Tensor:
        """Bool, the items that occur in a triple."""
        known_V = torch.zeros(self.n_entities, dtype=torch.bool)
        known_V[self.head_E], known_V[self.tail_E] = True, True
        return known_V[: self.n_items + 1]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """Triples of a file, or of columns of the item table.

    A value v of the column c makes ``(item, has_c, v)``, for each value of a list.

    Args:
        items: returns the item table; None: it isn't at hand, and there are no triples.
        path: a file of triples (CSV, TSV, Parquet or JSON lines). Its entities are items, if they
            bear original ids, and other things. None: `columns` make the triples.
        head, relation, tail: names of the file's columns.
        columns: of the item table, categories or lists; ``all``: every such column but the title.
        shuffled: permute the tails within each relation. Such a graph has the same size and the
            same frequencies, and says nothing: it shows what a graph is worth.
        seed: of the permutation.
    """

    items: Callable[[], pl.DataFrame] | None
    path: str | None = None
    head: str = "head"
    relation: str = "relation"
    tail: str = "tail"
    columns: list[str] | Literal["all"] = "all"
    shuffled: bool = False
    seed: int = 0

    def triples(self) -> Triples | None:
        """Read the graph; None if the item table isn't at hand.

        Raises:
            ConfigError: the table has no such column.
            DataError: the file can't be used; no item occurs in it.
        """
        if self.items is None:
            return None
        table = self.items()
        texts = self._of_columns(table) if self.path is None else self._of_file(table["item"])
        triples = _numbered(texts, table["item"])
        if not triples.known.any():
            raise DataError(
                f"none of the {len(table):,} items, such as {table['item'][0]!r}, occurs in the "
                f"triples; the first is {texts.row(0)}",
                where=self.path or "graph.columns",
                todo="write the ids as the item table has them",
            )
        return _shuffled(triples, self.seed) if self.shuffled else triples

    def _of_file(self, items: pl.Series) -> pl.DataFrame:
        assert self.path is not None
        columns = {"head": self.head, "relation": self.relation, "tail": self.tail}
        texts = read_edges(Path(self.path).expanduser(), columns)
        lost = items.filter(~items.is_in(texts["head"].append(texts["tail"]).implode()))
        if 0 < len(lost) < len(items):
            say(
                f"{len(lost):,} of {len(items):,} items occur in no triple of "
                f"{Path(self.path).name}, such as {lost[0]!r}"
            )
        return texts

    def _of_columns(self, table: pl.DataFrame) -> pl.DataFrame:
        fitting = groups_in(table)
        chosen = fitting if self.columns == "all" else self.columns
        unknown = [name for name in chosen if name not in fitting]
        if unknown or not chosen:
            raise ConfigError(
                f"the items have no column of categories {', '.join(map(repr, unknown))}".rstrip(),
                where="graph.columns",
                todo=f"use some of: {', '.join(fitting) or 'none; name a file with graph.path'}",
            )
        parts = []
        for name in chosen:
            flat = flat_values(table[name])
            parts.append(
                pl.DataFrame(
                    {
                        "head": table["item"].gather(flat["row"] - 1),
                        "relation": [COLUMN + name] * len(flat),
                        "tail": [f"{name}: {value}" for value in flat["value"]],
                    }
                )
            )
        return pl.concat(parts)


def _numbered(texts: pl.DataFrame, items: pl.Series) -> Triples:
    """Number the entities: items as in their table, then the others in the order of their names."""
    named = pl.concat([texts["head"], texts["tail"].rename("head")]).unique()
    others = named.filter(~named.is_in(items.implode())).sort()
    entity = pl.concat([items, others.rename("item")])
    number = np.arange(1, len(entity) + 1)
    relations = texts["relation"].unique().sort()

    def codes(column: pl.Series, names: pl.Series, values: np.ndarray) -> Tensor:
        found = column.replace_strict(names, values, return_dtype=pl.Int64)
        return torch.from_numpy(found.to_numpy().copy())

    return Triples(
        head_E=codes(texts["head"], entity, number),
        relation_E=codes(texts["relation"], relations, np.arange(len(relations))),
        tail_E=codes(texts["tail"], entity, number),
        n_items=len(items),
        n_entities=len(entity) + 1,
        relations=tuple(relations),
    )


def _shuffled(triples: Triples, seed: int) -> Triples:
    """Permute the tails within each relation."""
    generator = torch.Generator().manual_seed(seed)
    tail_E = triples.tail_E.clone()
    for relation in range(len(triples.relations)):
        [place] = (triples.relation_E == relation).nonzero(as_tuple=True)
        tail_E[place] = tail_E[place[torch.randperm(len(place), generator=generator)]]
    return Triples(
        triples.head_E,
        triples.relation_E,
        tail_E,
        triples.n_items,
        triples.n_entities,
        triples.relations,
    )
