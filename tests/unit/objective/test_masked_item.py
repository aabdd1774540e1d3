"""Hidden items: which they are, what is seen of them, and what a model makes of them."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from helpers.batches import eval_batch, train_batch
from helpers.components import DIM, FACTS, LENGTH, component, history, names, node
from torch import nn

from seqrec.config.make import make
from seqrec.encoder.transformer import BLOCKS
from seqrec.layers.draws import own_generator
from seqrec.model import SequenceModel
from seqrec.objective.masked_item import MaskedItem, hidden, longer
from seqrec.shapes import UNKNOWN_TIME, History, at_position

LENGTHS = torch.tensor([1, 5, LENGTH])
DAY = 86_400_000


def objective(**options) -> MaskedItem:
    parts = {"loss": component("loss", "cross_entropy"), "negatives": None}
    return MaskedItem(**parts, **options)


def both_sides(**options):
    return component("encoder", "transformer", further=1, causal=False, **options)


def model_with(encoder, head: str = "last") -> SequenceModel:
    return SequenceModel(
        embedding=component("embedding", "id"),
        encoder=encoder,
        head=component("head", head),
        scorer=component("scorer", "tied"),
        ask=MaskedItem.ask,
        mask_D=nn.Parameter(torch.randn(DIM)),
    )


class Recorded:
    """A model that remembers what it was given."""

    def __init__(self, model):
        self.model, self.given = model, None

    def __call__(self, told):
        self.given = told
        return self.model(told)

    def __getattr__(self, name):
        return getattr(self.model, name)


def test_the_question_is_one_more_item_of_which_only_the_time_is_known():
    time_BL = torch.tensor([[10, 20, 7], [10, 99, 99]])
    event = {"timestamp": time_BL, "code": time_BL % 5 + 1, "size": time_BL.float()}
    asked_B = torch.tensor([77, 88])
    told = History(
        torch.tensor([[4, 5, 6], [4, 0, 0]]), torch.tensor([3, 1]), asked_B, event, asked_B
    )
    asked = MaskedItem.ask(told)
    assert asked.item_BL.tolist() == [[4, 5, 6, 0], [4, 0, 0, 0]]
    assert asked.length_B.tolist() == [4, 2]
    assert at_position(
        asked.event["timestamp"][..., None], asked.length_B - 1
    ).flatten().tolist() == [77, 88]
    assert asked.event["code"][0].tolist() == [1, 1, 3, 0] and asked.event["code"][1, 1] == 0
    assert asked.event["size"][0, 3].isnan() and asked.event["size"][1, 1].isnan()
    never = MaskedItem.ask(replace(told, asked_B=None))
    assert never.event["timestamp"][0].tolist() == [10, 20, 7, UNKNOWN_TIME]


def test_a_hidden_item_has_no_columns_but_its_time():
    told = history(torch.tensor([4]), 4, rating=torch.ones(1, 4), timestamp=torch.arange(4)[None])
    seen = hidden(told, torch.tensor([[False, True, False, True]]))
    assert (seen.item_BL == 0).tolist() == [[False, True, False, True]]
    assert seen.event["rating"].isnan().tolist() == [[False, True, False, True]]
    assert torch.equal(seen.event["timestamp"], told.event["timestamp"])


def test_a_row_of_five_is_six_items_and_the_hidden_ones_are_its_targets():
    batch = train_batch([5])
    batch = replace(batch, prefix_B=torch.tensor([2]))
    whole = torch.cat([batch.history.item_BL[0], batch.target_BL[0, -1:]])
    model, found = Recorded(model_with(both_sides())), set()
    for seed in range(60):
        torch.manual_seed(seed)
        _, count, terms = objective(share=0.5, last=0.0)(model, batch)
        gone = model.given.item_BL[0] == 0
        assert torch.equal(model.given.item_BL[0][~gone], whole[~gone])
        assert count == int(gone.sum()) and set(terms) == {"masked_item"}
        found.add(tuple(gone.nonzero().flatten().tolist()))
    # targets are the items 3 to 5 of six; what comes before is only seen
    assert found == {(3,), (4,), (5,), (3, 4), (3, 5), (4, 5), (3, 4, 5)}


def test_a_share_of_the_rows_hides_the_last_item_alone():
    batch = train_batch([9] * 400)
    hide_BL = objective(share=1.0, last=0.25)._drawn(batch, own_generator(torch.device("cpu")))
    alone_B = hide_BL.sum(1) == 1
    assert alone_B.float().mean().item() == pytest.approx(0.25, abs=0.06)
    assert hide_BL[:, 8].all() and (hide_BL[~alone_B].sum(1) == 8).all()
    none = objective(share=0.0, last=0.0)._drawn(batch, own_generator(torch.device("cpu")))
    assert (none.sum(1) == 1).all()  # always something to learn
    with pytest.raises(ValueError, match=r"share=2"):
        objective(share=2)


def test_the_loss_is_that_of_every_hidden_item_by_itself():
    batch, model = train_batch([1, 5, 9]), Recorded(model_with(both_sides()).eval())
    loss, count, _ = objective(share=0.4)(model, batch)
    told, table = model.given, model.embedding.table()
    u_BLD, each = model.model(told), []
    for row, length in enumerate([1, 5, 9]):
        for t in range(length + 1):
            if told.item_BL[row, t] == 0:
                target = batch.target_BL[row, t - 1]
                each.append(F.cross_entropy(table[1:] @ u_BLD[row, t], target - 1))
    assert count == len(each)
    torch.testing.assert_close(loss, torch.stack(each).mean())


def test_nothing_of_a_hidden_item_reaches_its_prediction():
    """Of other targets the model is shown the same."""
    batch, seen, model = train_batch([5, 9]), [], Recorded(model_with(both_sides()).eval())
    told = batch.history
    learned_BL = torch.arange(9) >= 1  # the first target is only seen
    for shift in (0, 1):
        target_BL = (batch.target_BL + shift * learned_BL - 1) % 20 + 1
        item_BL = torch.cat([told.item_BL[:, :1], target_BL[:, :-1]], 1)
        valid_BL = torch.arange(9) < told.length_B[:, None]
        other = replace(
            batch,
            history=replace(told, item_BL=item_BL * valid_BL),
            target_BL=target_BL * valid_BL,
        )
        torch.manual_seed(3)
        objective(share=1.0, last=0.0)(model, other)
        seen.append(model.given.item_BL)
    assert torch.equal(*seen)
    assert (seen[0] > 0).sum(1).tolist() == [2, 2]


@pytest.mark.parametrize("block", list(BLOCKS))
@pytest.mark.parametrize("positions", ["start", "end", "rotary", "none"])
def test_both_sides_are_seen_and_padding_is_not(block, positions):
    encoder = both_sides(block=block, positions=positions).eval()
    x, told = torch.randn(3, LENGTH, DIM), history(LENGTHS)
    together = encoder(x, told)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = encoder(x[row : row + 1, :length], history(LENGTHS[row : row + 1], length))
        torch.testing.assert_close(together[row, :length], alone[0], rtol=1e-4, atol=1e-5)
    changed = x.clone()
    changed[:, LENGTH - 1] = torch.randn(3, DIM) * 5  # padding, or the last item
    moved_BL = (encoder(changed, told) - together).abs().amax(2) > 1e-6
    assert not moved_BL[0, :1].any() and not moved_BL[1, :5].any(), "padding is seen"
    assert moved_BL[2].all(), "the later item isn't seen"
    last = encoder.last(x, told)
    torch.testing.assert_close(last, at_position(together, LENGTHS - 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_the_maps_of_both_sides_lie_on_what_is_valid(dropout):
    encoder, told = both_sides(dropout=dropout), history(LENGTHS)
    x = torch.randn(3, LENGTH, DIM, requires_grad=True)
    encoder(x, told).square().sum().backward()  # in training: our own kernel, or torch's
    assert x.grad.isfinite().all()
    for alpha_BHLL in encoder.eval().maps(x, told):
        torch.testing.assert_close(alpha_BHLL.sum(-1), torch.ones(alpha_BHLL.shape[:3]))
        for row, length in enumerate(LENGTHS.tolist()):
            assert (alpha_BHLL[row, :, :, length:] == 0).all()
            assert (alpha_BHLL[row, :, :, :length] > 0).all()


def test_a_question_of_the_longest_history_fits_and_a_longer_one_does_not():
    told = history(torch.tensor([LENGTH]))
    model = model_with(both_sides()).eval()
    assert model.query(told).shape == (1, DIM)
    with pytest.raises(ValueError, match="exceed max_length"):
        model.query(longer(told, torch.tensor([3])))


def test_an_item_that_is_hidden_or_unknown_has_the_models_vector_and_padding_has_none():
    model, told = model_with(component("encoder", "gru")), history(LENGTHS)
    candidate_V = torch.arange(21) != told.item_BL[1, 2]
    x_BLD = model.embed(told, candidate_V)
    unknown_BL = told.item_BL == told.item_BL[1, 2]
    assert torch.equal(x_BLD[unknown_BL], model.mask_D.expand(int(unknown_BL.sum()), -1))
    assert not x_BLD[0, 1:].any()
    torch.testing.assert_close(sum(model.summands(told, candidate_V).values()), x_BLD)


@pytest.mark.parametrize("name", names("encoder"))
def test_a_causal_encoder_learns_it_too(name):
    """Of the longest history, and the question behind it."""
    model = model_with(make(node("encoder", name), **{**FACTS, "further": 1}))
    batch = train_batch([3, 7, LENGTH])
    loss, _, _ = objective()(model, batch)
    loss.backward()
    assert model.mask_D.grad.abs().sum() > 0
    told = eval_batch(batch.history)
    assert objective().held_out(model, model.query(told.history), told).isfinite()
