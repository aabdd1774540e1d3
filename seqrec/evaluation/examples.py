"""Recommendations for a few users, with titles, for people to read."""

import torch

from seqrec.batches import EvalBatches
from seqrec.ensemble.model import AnyModel
from seqrec.ranking.policy import Policy
from seqrec.store.store import SequenceStore

COLUMNS = ["user", "latest items", "target", "rank of target", "recommended"]
USERS, LATEST, TOP = 8, 3, 5
Samples = tuple[list[str], list[list[str]]]  # columns and rows


@torch.no_grad()
def sample_lists(
    model: AnyModel,
    batches: EvalBatches,
    store: SequenceStore,
    *,
    policy: Policy,
    device: torch.device,
) -> Samples:
    """Return columns and rows for the first users of `batches`."""
    model.eval()
    batch = next(iter(batches)).to(device)
    query = model.query(batch.history, policy.candidate_V)
    ranking = policy.rank(query, model.catalogue(), batch, k=TOP)
    items, users = store.items(), store.users()["user"]
    titles = ["", *items["title"].fill_null(items["item"])]

    def named(indices: list[int]) -> str:
        return " | ".join(str(titles[i]) for i in indices)

    rows = []
    for row in range(min(USERS, len(batch.target_B))):
        length = int(batch.history.length_B[row])
        rows.append(
            [
                str(users[int(batch.history.user_B[row])]),
                named(batch.history.item_BL[row, max(0, length - LATEST) : length].tolist()),
                named([int(batch.target_B[row])]),
                str(int(ranking.rank_B[row])),
                named(ranking.top_BK[row].tolist()),
            ]
        )
    return COLUMNS, rows
