"""Queries with targets and seen items, and their ranks by sorting one user at a time."""

import torch
from omegaconf import OmegaConf

from helpers import CONFIGS
from helpers.components import make, names
from seqrec.catalogue import Catalogue

B, V, D, K = 30, 50, 8, 10
EVENTS_V = torch.arange(V) % 7  # training events of each item
KS = [1, 5, 10]


def gains():
    """Every metric found in ``configs/metric``."""
    found = {}
    for name in names("metric"):
        node = OmegaConf.to_container(OmegaConf.load(CONFIGS / "metric" / f"{name}.yaml"))
        found[name] = make(node[name])
    return found


def case(bias=False):
    query, table = torch.randn(B, D), torch.randn(V, D)
    seen_row = torch.arange(B).repeat_interleave(5)
    seen_item = torch.randint(1, V, (B * 5,))
    target = torch.randint(1, V, (B,))
    return query, Catalogue(table, torch.randn(V) if bias else None), target, seen_row, seen_item


def naive(query, shelf, target, seen_row, seen_item, allowed=None):
    """One user at a time, by sorting."""
    ranks, lists = [], []
    for b in range(len(query)):
        score = shelf.table_VD.double() @ query[b].double()
        if shelf.bias_V is not None:
            score = score + shelf.bias_V.double()
        blocked = {0} | set(seen_item[seen_row == b].tolist())
        if allowed is not None:
            blocked |= set((~allowed).nonzero().flatten().tolist())
        free = [i for i in range(V) if i not in blocked]
        free.sort(key=lambda i: -score[i].item())
        wanted = target[b].item()
        ranks.append(free.index(wanted) + 1 if wanted in free else None)
        lists.append(free[:K])
    return ranks, lists
