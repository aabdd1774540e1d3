"""What a model recommends to a few users, with titles, to be read by people."""

import torch
from torch import Tensor

from seqrec.batches import EvalBatches
from seqrec.config.schema import Root
from seqrec.model import CountedModel, SequenceModel
from seqrec.ranking.rank import rank_targets
from seqrec.store.store import SequenceStore

COLUMNS = ["user", "latest items", "target", "rank of target", "recommended"]
USERS, LATEST, TOP = 8, 3, 5


@torch.no_grad()
def sample_lists(
    model: SequenceModel | CountedModel,
    batches: EvalBatches,
    store: SequenceStore,
    config: Root,
    *,
    candidate_V: Tensor | None,
    device: torch.device,
) -> tuple[list[str], list[list[str]]]:
    """Columns and rows for the first users of `batches`."""
    model.eval()
    batch = next(iter(batches)).to(device)
    seen = config.evaluation.mask_seen
    ranking = rank_targets(
        model.query(batch.history, candidate_V),
        model.catalogue(),
        batch.target_B,
        k=TOP,
        seen_row_P=batch.seen_row_P if seen else None,
        seen_item_P=batch.seen_item_P if seen else None,
        candidate_V=candidate_V,
    )
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
