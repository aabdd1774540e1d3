"""Every component found in ``configs/<kind>/``, built at a small size."""

import copy
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import torch
from omegaconf import OmegaConf

from helpers import CONFIGS
from seqrec.config.make import make
from seqrec.facts import EventFacts
from seqrec.shapes import History

DIM, LENGTH, ITEMS = 8, 20, 20
NEEDS = {("encoder", "huggingface"): "transformers"}  # packages of extras
RULES = [{"if": {"brand": "b1"}, "never": {"genres": "g0"}}]
GIVEN = {"rules": {"rules": RULES}, "violations": {"violations": {"rules": RULES}}}  # required keys
ITEM_TABLE = pl.DataFrame(
    {
        "index": range(1, ITEMS + 1),
        "item": [f"i{n}" for n in range(ITEMS)],
        "title": [f"the {'blue' if n % 3 else 'red'} number {n % 5}" for n in range(ITEMS)],
        "brand": [None if n % 4 == 3 else f"b{n % 4}" for n in range(ITEMS)],
        "genres": [[f"g{n % 3}", f"g{n % 2}"][: n % 3] for n in range(ITEMS)],
        "price": [None if n == 2 else n * 1.5 for n in range(ITEMS)],
    }
)
USER_TABLE = pl.DataFrame(
    {
        "index": range(10),
        "user": [f"u{n}" for n in range(10)],
        "friends": [[f"u{(n + 1) % 8}"] if n < 8 else [] for n in range(10)],
    }
)
FACTS = {
    "n_items": ITEMS,
    "n_users": 10,
    "events": {"rating": EventFacts(mean=1.5, std=0.5), "timestamp": EventFacts()},
    "item_count_V": torch.arange(ITEMS + 1),
    "rating_mean": 3.5,
    "sparse": False,
    "further": 0,
    "shard": None,
    "items": lambda: ITEM_TABLE,
    "own_items": lambda: torch.cat(  # each user has item 1, and the later half item 2
        [user * (ITEMS + 1) + torch.arange(1, 3 if user > 4 else 2) for user in range(10)]
    ),
    "similar": lambda k: (torch.arange(ITEMS + 1)[:, None] + torch.arange(1, k + 1)) % (ITEMS + 1),
    "users": lambda: USER_TABLE,
}


def history(length_B: torch.Tensor, width: int = LENGTH, **event: torch.Tensor) -> History:
    """Right-padded histories of random items."""
    item_BL = torch.randint(1, ITEMS + 1, (len(length_B), width))
    item_BL[torch.arange(width) >= length_B[:, None]] = 0
    return History(item_BL, length_B, torch.full_like(length_B, -1), event)


def names(kind: str) -> list[str]:
    """Options of a configuration group, without those whose package isn't installed."""
    found = sorted(path.stem for path in (CONFIGS / kind).glob("*.yaml"))
    return [name for name in found if find_spec(NEEDS.get((kind, name), "torch"))]


def trained_models() -> list[str]:
    """Models that are trained: not counted, and not put together from finished runs."""
    return sorted({*names("model")} - {*names("baseline"), "ensemble"})


def node(kind: str, name: str) -> dict:
    """``configs/<kind>/<name>.yaml`` as plain values, at the small size."""
    return copy.deepcopy(_read(CONFIGS / kind / f"{name}.yaml"))


@cache
def _read(file: Path) -> dict:
    sizes = {"dim": DIM, "max_length": LENGTH, "dropout": 0.0, "tags": []}
    sizes["paths"] = {"cache_dir": None}
    given = GIVEN.get(file.stem, {})
    root = OmegaConf.create({**sizes, "node": OmegaConf.merge(OmegaConf.load(file), given)})
    return OmegaConf.to_container(root, resolve=True)["node"]


def component(kind: str, name: str, **changes):
    """The component that ``configs/<kind>/<name>.yaml`` describes, with dropout off by default."""
    return make({**node(kind, name), **changes}, **FACTS)


def states(head, h_BLD: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What a head reads: states and, if it reads inputs, others of the same positions."""
    return (h_BLD, h_BLD.roll(1, -1)) if getattr(head, "reads_inputs", False) else (h_BLD,)


def metric(name: str):
    """The metric that ``configs/metric/<name>.yaml`` describes, under its own name there."""
    return make(node("metric", name)[name])
