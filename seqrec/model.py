"""What is trained or counted, as one module: histories in, queries out."""

from typing import ClassVar

from torch import Tensor, nn

from seqrec.contracts import Encoder, EventContext, Head, ItemEmbedding, Ranked, Scorer
from seqrec.counts.baseline import Baseline
from seqrec.counts.table import Rows, Table
from seqrec.shapes import History, at_position


class SequenceModel(nn.Module):
    """What is trained, saved, explained, exported and served.

    Args:
        embedding: items to vectors.
        encoder: vectors to hidden states.
        head: hidden states to summaries of every prefix.
        scorer: summaries to queries, and the catalogue they are scored against.
        context: what else is known of each event, joined to the item vectors; None: nothing.
    """

    def __init__(
        self,
        *,
        embedding: ItemEmbedding,
        encoder: Encoder,
        head: Head,
        scorer: Scorer,
        context: EventContext | None = None,
    ) -> None:
        super().__init__()
        self.embedding, self.encoder, self.head, self.scorer = embedding, encoder, head, scorer
        self.context = context

    @property
    def wanted(self) -> tuple[str, ...]:
        """What histories have to hold beside their items."""
        return () if self.context is None else self.context.wanted

    @property
    def from_start(self) -> bool:
        """Whether a user's first event can be predicted."""
        return getattr(self.embedding, "from_start", False)

    def forward(self, history: History) -> Tensor:
        """``u_BLD``: the summary of every prefix of right-padded histories."""
        return self.head(self.encode(history))

    def encode(self, history: History, known_V: Tensor | None = None) -> Tensor:
        """``h_BLD``: the encoder's output, what the head attends to."""
        return self.encoder(self.embed(history, known_V), history.length_B)

    def embed(self, history: History, known_V: Tensor | None = None) -> Tensor:
        """``x_BLD``: the encoder's input; items outside `known_V` have no vector to go by."""
        x_BLD = self.embedding(history.known(known_V))
        return x_BLD if self.context is None else x_BLD + self.context(history)

    def query(self, history: History, known_V: Tensor | None = None) -> Tensor:
        """``query_BD`` of whole histories: at the last valid position."""
        if getattr(self.head, "local", False) and hasattr(self.encoder, "last"):
            h_BD = self.encoder.last(self.embed(history, known_V), history.length_B)
            return self.scorer(self.head(h_BD.unsqueeze(1)).squeeze(1))
        u_BLD = self.head(self.encode(history, known_V))
        return self.scorer(at_position(u_BLD, history.length_B - 1))

    def attention(self, history: History, known_V: Tensor | None = None) -> Tensor:
        """``alpha_BL``: the head's weights at the last valid position."""
        return self.head.weights(self.encode(history, known_V), history.length_B - 1)

    def catalogue(self) -> Ranked:
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

    wanted: ClassVar[tuple[str, ...]] = ()

    def query(self, history: History, known_V: Tensor | None = None) -> Rows:
        """Queries of whole histories."""
        return self.baseline.query(history.known(known_V).item_BL, history.length_B)

    def attention(self, history: History, known_V: Tensor | None = None) -> Tensor:
        """``alpha_BL``: how much each item of the history counts; 0 where none does."""
        return self.baseline.weights(history.known(known_V).item_BL, history.length_B)

    def catalogue(self) -> Table:
        """What queries are scored against."""
        return self.baseline.table
