"""Questions to small models and baselines."""

from dataclasses import replace

import torch

from helpers.components import ITEMS, component
from helpers.counts import counted, sequences
from seqrec.model import BaselineModel, SequenceModel
from seqrec.question import Question
from seqrec.ranking.policy import Policy
from seqrec.shapes import EvalBatch, History

ROW = [3, 1, 3, 2, 7, 8]


def trained(encoder="gru", head="additive", scorer="tied", **parts):
    """A model of the configured parts at small size, with random weights."""
    torch.manual_seed(0)
    model = SequenceModel(
        embedding=parts.pop("embedding", None) or component("embedding", "id"),
        encoder=component("encoder", encoder),
        head=component("head", head),
        scorer=component("scorer", scorer),
        **parts,
    )
    return model.eval()


def baseline(name="item_knn"):
    """A counted baseline."""
    return BaselineModel(counted(name, sequences())).eval()


def one_user(row=ROW, **event):
    """A history of one user, with given columns."""
    return History(torch.tensor([row]), torch.tensor([len(row)]), torch.tensor([-1]), event)


def question(model, history=None, *, target=None, mask_seen=True, **changes):
    """A question about the first item of the user's list, or about a target."""
    history = one_user() if history is None else history
    policy = Policy(candidate_V=torch.tensor([False] + [True] * ITEMS), mask_seen=mask_seen)
    with torch.no_grad():
        catalogue = model.catalogue()
        if target is None:
            seen = history.item_BL[0]
            batch = EvalBatch(history, seen[:1], seen[:1], None, torch.zeros_like(seen), seen)
            query = model.query(history, policy.candidate_V)
            target = int(policy.rank(query, catalogue, batch, k=1).top_BK[0, 0])
    return Question(model, catalogue, policy, history, target, **changes)


def padded(history, count=5):
    """The history with padding behind it."""
    item_BL = torch.nn.functional.pad(history.item_BL, (0, count))
    return replace(history, item_BL=item_BL)
