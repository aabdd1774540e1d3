"""What is trained or counted, as one module: histories in, queries out."""

from torch import Tensor, nn

from seqrec.baseline.baseline import Baseline
from seqrec.baseline.table import Rows, Table
from seqrec.types import Catalogue, Encoder, Head, ItemEmbedding, Scorer, at_position


class SequenceModel(nn.Module):
    """What is trained, saved, explained, exported and served.

    Args:
        embedding: items to vectors.
        encoder: vectors to hidden states.
        head: hidden states to summaries of every prefix.
        scorer: summaries to queries, and the catalogue they are scored against.
    """

    def __init__(
        self, *, embedding: ItemEmbedding, encoder: Encoder, head: Head, scorer: Scorer
    ) -> None:
        super().__init__()
        self.embedding, self.encoder, self.head, self.scorer = embedding, encoder, head, scorer

    def forward(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """``u_BLD``: the summary of every prefix of right-padded histories."""
        return self.head(self.encode(item_BL, length_B))

    def encode(self, item_BL: Tensor, length_B: Tensor, known_V: Tensor | None = None) -> Tensor:
        """``h_BLD``: the encoder's output, what the head attends to."""
        return self.encoder(self.embed(item_BL, known_V), length_B)

    def embed(self, item_BL: Tensor, known_V: Tensor | None = None) -> Tensor:
        """``x_BLD``: the encoder's input; items outside `known_V` have no vector to go by."""
        return self.embedding(_known(item_BL, known_V))

    def query(self, item_BL: Tensor, length_B: Tensor, known_V: Tensor | None = None) -> Tensor:
        """``query_BD`` of whole histories: at the last valid position."""
        if getattr(self.head, "local", False) and hasattr(self.encoder, "last"):
            h_BD = self.encoder.last(self.embed(item_BL, known_V), length_B)
            return self.scorer(self.head(h_BD.unsqueeze(1)).squeeze(1))
        u_BLD = self.head(self.encode(item_BL, length_B, known_V))
        return self.scorer(at_position(u_BLD, length_B - 1))

    def attention(self, item_BL: Tensor, length_B: Tensor, known_V: Tensor | None = None) -> Tensor:
        """``alpha_BL``: the head's weights at the last valid position."""
        return self.head.weights(self.encode(item_BL, length_B, known_V), length_B - 1)

    def catalogue(self) -> Catalogue:
        """What queries are scored against."""
        return self.scorer.catalogue(self.embedding.table())


class CountedModel(nn.Module):
    """A baseline that is counted from the training events, with what a trained model is asked for.

    Args:
        baseline: the counts.
    """

    def __init__(self, baseline: Baseline) -> None:
        super().__init__()
        self.baseline = baseline

    def query(self, item_BL: Tensor, length_B: Tensor, known_V: Tensor | None = None) -> Rows:
        """Queries of whole histories."""
        return self.baseline.query(_known(item_BL, known_V), length_B)

    def attention(self, item_BL: Tensor, length_B: Tensor, known_V: Tensor | None = None) -> Tensor:
        """``alpha_BL``: how much each item of the history counts; 0 where none does."""
        return self.baseline.weights(_known(item_BL, known_V), length_B)

    def catalogue(self) -> Table:
        """What queries are scored against."""
        return self.baseline.table


def _known(item_BL: Tensor, known_V: Tensor | None) -> Tensor:
    """Items outside `known_V`, which training never saw, count as padding."""
    return item_BL if known_V is None else item_BL.masked_fill(~known_V[item_BL], 0)
