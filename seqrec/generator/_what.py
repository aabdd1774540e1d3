"""What every generator can do."""

from typing import ClassVar, Protocol

from torch import Tensor

from seqrec.generator._asker import Asker
from seqrec.shapes import EvalBatch


class Generator(Protocol):
    """Makes lists of the next n items: ``generator(asker, batch, n) -> item_Bn, score_Bn``.

    A list has no item twice, and none that the policy forbids: seen items where these are masked,
    items outside the candidates. It depends on its own history alone, and a generator that draws
    depends on its seed besides. Where fewer than n items are allowed, a list ends in item 0, with a
    score of minus infinity. Of one item, a list is what the policy ranks first, unless it is drawn.

    Attributes:
        by_score: its order comes from scores alone, so it can't obey a reranker.
    """

    by_score: ClassVar[bool]

    def __call__(self, asker: Asker, batch: EvalBatch, n: int) -> tuple[Tensor, Tensor]: ...
