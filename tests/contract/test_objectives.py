"""The contract of objectives, held to by every file in ``configs/objective``."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers.batches import eval_batch, padded, train_batch
from helpers.components import DIM, FACTS, LENGTH, component, history, names, node
from helpers.teachers import Given
from torch import nn

from seqrec.config.make import make
from seqrec.model import SequenceModel
from seqrec.objective.next_item import NextItem
from seqrec.shapes import History

LENGTHS = [1, 5, 3, 9]


def objective(name: str):
    """Return the objective of a configuration, with a loss over the catalogue."""
    parts = {
        "loss": component("loss", "cross_entropy"),
        "negatives": component("negatives", "none"),
        "teacher": Given(),
    }
    return make(node("objective", name), **FACTS, **parts)


def model_for(kind) -> SequenceModel:
    return SequenceModel(
        embedding=component("embedding", "codes" if getattr(kind, "needs_codes", False) else "id"),
        encoder=component("encoder", "gru"),
        head=component("head", "additive"),
        scorer=component("scorer", "tied"),
        ask=kind.ask,
        mask_D=nn.Parameter(torch.randn(DIM)) if getattr(kind, "further", 0) else None,
    )


def check_passes(kind):
    """Assert that the loss is one number that training makes smaller, whatever is padded."""
    model, batch = model_for(kind), train_batch(LENGTHS)
    torch.manual_seed(1)
    loss, targets, terms = kind(model, batch)
    assert loss.shape == () and loss.dtype == torch.float32 and loss.isfinite()
    assert 0 < targets <= sum(LENGTHS)
    assert terms and all(term.shape == () and term.isfinite() for term in terms.values())
    torch.manual_seed(1)
    wider, same, _ = kind(model, padded(batch, 4))
    assert same == targets
    torch.testing.assert_close(wider, loss)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(10):
        torch.manual_seed(1)
        optimizer.zero_grad()
        kind(model, batch)[0].backward()
        optimizer.step()
    torch.manual_seed(1)
    assert kind(model, batch)[0] < loss


def check_question(kind):
    """Assert that a question is the history, or a history with more at its end."""
    told = history(torch.tensor([1, 5, LENGTH - 2]))
    asked = kind.ask(told)
    added = asked.length_B - told.length_B
    assert (added == getattr(kind, "further", 0)).all()
    for row, length in enumerate(told.length_B.tolist()):
        assert torch.equal(asked.item_BL[row, :length], told.item_BL[row, :length])
        assert (asked.item_BL[row, int(asked.length_B[row]) :] == 0).all()
    assert torch.equal(asked.user_B, told.user_B)


def check_held_out(kind):
    """Assert that the loss at held-out events is one number that knows their targets."""
    model, batch = model_for(kind).eval(), eval_batch(history(torch.tensor([1, 5, 9])))
    query_BD = model.query(batch.history)
    loss = kind.held_out(model, query_BD, batch)
    other = kind.held_out(model, query_BD, replace(batch, target_B=batch.target_B % 20 + 1))
    assert loss.shape == () and loss.isfinite() and loss != other


@pytest.mark.parametrize("name", names("objective"))
def test_its_loss_falls_and_padding_changes_nothing(name):
    check_passes(objective(name))


@pytest.mark.parametrize("name", names("objective"))
def test_its_question_is_the_history_or_a_longer_one(name):
    check_question(objective(name))


@pytest.mark.parametrize("name", names("objective"))
def test_its_loss_at_held_out_events_knows_their_targets(name):
    check_held_out(objective(name))


@pytest.mark.parametrize("name", names("objective"))
def test_it_says_what_it_trains_and_what_memory_it_takes(name):
    kind = objective(name)
    assert kind.trains in ("causal", "any")
    small, large = (kind.scores_bytes(n, "cpu", half=False) for n in (10**4, 10**7))
    assert 0 <= small <= large and isinstance(small, int)


class CountsPadding(NextItem):
    """A padded position is a target, too."""

    def __call__(self, model, batch):
        every_B = torch.full_like(batch.history.length_B, batch.history.item_BL.shape[1])
        told = replace(batch.history, length_B=every_B)
        target_BL = batch.target_BL.clamp(min=1)
        return super().__call__(model, replace(batch, history=told, target_BL=target_BL))


class Detached(NextItem):
    """No gradient reaches the model."""

    def __call__(self, model, batch):
        loss, targets, terms = super().__call__(model, batch)
        return loss.detach().requires_grad_(), targets, terms


class AsksByMoreThanItSays(NextItem):
    """The question has a position that no encoder was made for."""

    @staticmethod
    def ask(history: History) -> History:
        item_BL = F.pad(history.item_BL, (0, 1))
        return replace(history, item_BL=item_BL, length_B=history.length_B + 1)


class AsksWithoutTheOldest(NextItem):
    """The question has lost the oldest item."""

    @staticmethod
    def ask(history: History) -> History:
        return replace(history, item_BL=history.item_BL.roll(-1, dims=1))


class ForgetsTheTarget(NextItem):
    """The loss at held-out events is the same whatever they are."""

    def held_out(self, model, query_BD, batch):
        return query_BD.square().mean()


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_passes, CountsPadding),
        (check_passes, Detached),
        (check_question, AsksByMoreThanItSays),
        (check_question, AsksWithoutTheOldest),
        (check_held_out, ForgetsTheTarget),
    ],
)
def test_a_broken_objective_breaks_the_contract(check, broken):
    parts = {
        "loss": component("loss", "cross_entropy"),
        "negatives": component("negatives", "none"),
    }
    with pytest.raises(AssertionError):
        check(broken(**parts))


def test_the_next_item_is_learned_where_it_isnt_mere_context():
    """The loss is that of every target by itself."""
    kind, batch = objective("next_item"), train_batch(LENGTHS)
    model = model_for(kind).eval()
    loss, targets, _ = kind(model, batch)
    u_BLD, table = model(batch.history), model.embedding.table()
    each = [
        F.cross_entropy(table[1:] @ u_BLD[row, t], batch.target_BL[row, t] - 1)
        for row, length in enumerate(LENGTHS)
        for t in range(min(1, length - 1), length)
    ]
    assert targets == len(each)
    torch.testing.assert_close(loss, torch.stack(each).mean())


def test_a_full_softmax_says_what_it_holds_and_a_sampled_one_nothing():
    def held(loss: str, **options) -> int:
        kind = NextItem(loss=component("loss", loss, **options), negatives=None)
        return kind.scores_bytes(10**6, "cpu", half=False)

    assert held("cross_entropy", memory_mb=8) < held("cross_entropy", memory_mb=640)
    assert held("sampled_softmax") == held("mse") == 0


def test_a_model_asks_as_its_objective_does():
    def with_one_more(told: History) -> History:
        item_BL = F.pad(told.item_BL, (0, 1)).scatter(1, told.length_B[:, None], 3)
        return replace(told, item_BL=item_BL, length_B=told.length_B + 1)

    class Longer(NextItem):
        ask = staticmethod(with_one_more)

    model, told = model_for(Longer).eval(), history(torch.tensor([1, 5, 9]))
    plain = model_for(NextItem).eval()
    plain.load_state_dict(model.state_dict())
    assert torch.equal(model.query(told), plain.query(with_one_more(told)))
    assert model.attention(told).shape == told.item_BL.shape
    assert isinstance(model, nn.Module) and not torch.equal(model.query(told), plain.query(told))
