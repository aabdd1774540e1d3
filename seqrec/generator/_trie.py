"""The codes of items as a tree of prefixes."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Trie:
    """Prefixes of codes: those of one code, of two, and so on; last, the items themselves.

    The nodes of a level are in order, so the children of a node, and the items below it, are
    stretches.

    Args:
        item_N: int64, the items in the order of their codes.
        child: for the root and each level of codes, where the children of each node begin in the
            next level, the last of which are the items; and where the last ones end.
        begin: for each level of codes, where in `item_N` the items of each node begin, and the end.
        code: for each level of codes, the last code of each node.
    """

    item_N: Tensor
    child: list[Tensor]
    begin: list[Tensor]
    code: list[Tensor]

    @classmethod
    def of(cls, code_VC: Tensor) -> "Trie":
        """Build the tree of the items 1 .. V-1."""
        code_NC = code_VC[1:].long()
        group_N = torch.unique(code_NC, dim=0, return_inverse=True)[1]
        order_N = group_N.argsort(stable=True)
        sorted_NC, n = code_NC[order_N], len(order_N)
        new_N = torch.zeros(n, dtype=torch.bool, device=code_VC.device)
        new_N[0] = True
        end = order_N.new_tensor([n])
        begin, child, code = [torch.cat([end * 0, end])], [], []
        for level in range(sorted_NC.shape[1]):
            new_N[1:] |= sorted_NC[1:, level] != sorted_NC[:-1, level]
            here = torch.cat([new_N.nonzero().flatten(), end])
            child.append(torch.searchsorted(here, begin[-1]))
            code.append(sorted_NC[here[:-1], level])
            begin.append(here)
        child.append(begin[-1])  # the children of the last prefixes are items
        return cls(order_N + 1, child, begin[1:], code)

    def children(self, level: int, node_BW: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``child_BWM`` in the next level, and which of them there are."""
        first_BW, count_BW = self.child[level][node_BW], self.child[level][node_BW + 1]
        count_BW = count_BW - first_BW
        place_M = torch.arange(int(count_BW.max()), device=node_BW.device)
        there_BWM = place_M < count_BW[:, :, None]
        return (first_BW[:, :, None] + place_M).where(there_BWM, first_BW[:, :, None]), there_BWM
