"""The next item, with related items drawn together in the item table."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from seqrec.contracts import Loss, Model, NegativeSampler
from seqrec.features.graph import Graph, Triples
from seqrec.objective.next_item import NextItem
from seqrec.shapes import EvalBatch, History, TrainBatch


class Knowledge(nn.Module):
    """``next_item + weight * penalty``; the penalty is the mean over the edges of a graph of items.

    An edge between two items costs ``|e_i - e_j|^2``: the penalty is the quadratic form of the
    graph's Laplacian (Belkin and Niyogi 2003, section 3). Items that a relation ties to the same
    thing, say a genre, form a group, and each costs ``|e_i - mean of the group|^2``: the Laplacian
    of all pairs of the group, over its size.

    With `translate`, an edge of the relation r costs ``|e_i + v_r - e_j|^2``, TransE's energy
    (Bordes et al. 2013, equation 1) on the table itself. Its minimum over ``v_r``, the mean
    difference along r, is taken at every step, so nothing is learned beside the table. For groups
    the vector of the thing is free as well, and the minimum over it is the same cost as before.
    TransE's negatives aren't needed: the next item's loss keeps items apart.

    Args:
        loss: compares queries with targets.
        negatives: sampler, for losses that need negatives.
        graph: what is known of the items.
        weight: of the penalty.
        translate: related items differ by their relation's vector, instead of by nothing.
    """

    trains: ClassVar[str] = "causal"
    bounds: ClassVar = {"weight": (0, 1_000_000)}
    head_E: Tensor
    tail_E: Tensor
    relation_E: Tensor
    item_P: Tensor
    group_P: Tensor

    def __init__(
        self,
        *,
        loss: Loss,
        negatives: NegativeSampler,
        graph: Graph,
        weight: float = 1.0,
        translate: bool = False,
    ) -> None:
        super().__init__()
        self.next_item = NextItem(loss=loss, negatives=negatives)
        self.weight, self.translate = weight, translate
        for name, value in zip(
            ("head_E", "relation_E", "tail_E", "item_P", "group_P"),
            split(graph.triples()),
            strict=True,
        ):
            self.register_buffer(name, value, persistent=False)
        self.n_relations = int(self.relation_E.max()) + 1 if len(self.relation_E) else 0
        self.n_groups = int(self.group_P.max()) + 1 if len(self.group_P) else 0

    @staticmethod
    def ask(history: History) -> History:
        """Return the history: a causal model predicts at its last position."""
        return history

    def forward(self, model: Model, batch: TrainBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
        """Return the mean loss, the number of targets, and the terms, the penalty as one."""
        loss, targets, _ = self.next_item.of(model, batch, model(batch.history))
        penalty = self.penalty(model.embedding.table())
        terms = {"next_item": loss, "knowledge": penalty}
        return loss + self.weight * penalty, len(targets.item_N), terms

    def penalty(self, table_VD: Tensor) -> Tensor:
        """Return the mean cost of an edge, in float32; 0 without edges."""
        with torch.autocast(table_VD.device.type, enabled=False):
            table_VD = table_VD.float()
            step_ED = table_VD[self.tail_E] - table_VD[self.head_E]
            if self.translate:
                step_ED = step_ED - mean_of(step_ED, self.relation_E, self.n_relations)
            vector_PD = table_VD[self.item_P]
            apart_PD = vector_PD - mean_of(vector_PD, self.group_P, self.n_groups)
            edges = max(1, len(step_ED) + len(apart_PD))
            return (step_ED.square().sum() + apart_PD.square().sum()) / edges

    def held_out(self, model: Model, query_BD: Tensor, batch: EvalBatch) -> Tensor:
        """Return the mean loss at held-out events, without the penalty."""
        return self.next_item.held_out(model, query_BD, batch)

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that the loss holds at once."""
        return self.next_item.scores_bytes(n_items, device_type, half=half)


def mean_of(vector_PD: Tensor, group_P: Tensor, groups: int) -> Tensor:
    """Return the mean of each row's group, (P, D)."""
    sum_GD = vector_PD.new_zeros(groups, vector_PD.shape[1]).index_add(0, group_P, vector_PD)
    size_G = torch.bincount(group_P, minlength=groups).clamp(min=1)
    return (sum_GD / size_G[:, None])[group_P]


def split(triples: Triples | None) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the edges between items (heads, relations, tails), and items with their groups.

    Triples between two things that aren't items say nothing of the table, and are left out.
    """
    if triples is None:
        none = torch.zeros(0, dtype=torch.int64)
        return none, none, none, none, none
    head_E, relation_E, tail_E = triples.head_E, triples.relation_E, triples.tail_E
    of_head, of_tail = head_E <= triples.n_items, tail_E <= triples.n_items
    both, heads, tails = of_head & of_tail, of_head & ~of_tail, ~of_head & of_tail
    item_P = torch.cat([head_E[heads], tail_E[tails]])
    thing_P = torch.cat([tail_E[heads], head_E[tails]])
    side_P = torch.cat([relation_E[heads], relation_E[tails] + len(triples.relations)])
    named_P = side_P * triples.n_entities + thing_P
    group_P = torch.unique(named_P, return_inverse=True)[1]
    return head_E[both], relation_E[both], tail_E[both], item_P, group_P
