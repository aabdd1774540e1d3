"""What is read out of one position: by every head, by encoders that can, and exported."""

import pytest
import torch
from helpers.components import DIM, LENGTH, component, history, names
from torch import nn
from torch.export import Dim, export

from seqrec.encoder.transformer import BLOCKS
from seqrec.model import SequenceModel
from seqrec.shapes import at_position

LENGTHS = torch.tensor([1, 5, LENGTH])
ROUNDING = {"rtol": 1e-5, "atol": 1e-6}


class At(nn.Module):
    """``head.at`` as what is exported."""

    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, h_BLD, position_B):
        return self.head.at(h_BLD, position_B)


def check_every_position(head):
    """`at` is what a call gives there, and no more is read than the prefix."""
    h_BLD = torch.randn(3, LENGTH, DIM)
    u_BLD = head(h_BLD)
    for t in range(LENGTH):
        position_B = (LENGTHS - 1).clamp(max=t)
        u_BD = head.at(h_BLD, position_B)
        torch.testing.assert_close(u_BD, at_position(u_BLD, position_B), **ROUNDING)
        beyond = torch.arange(LENGTH) > position_B[:, None]
        changed = h_BLD.masked_fill(beyond[..., None], 50.0)
        torch.testing.assert_close(head.at(changed, position_B), u_BD, **ROUNDING)


def check_export(head):
    """One program for any number of sequences and positions."""
    sizes = {"h_BLD": {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}, "position_B": {0: Dim.DYNAMIC}}
    given = (torch.randn(2, 7, DIM), torch.tensor([6, 3]))
    program = export(At(head), given, dynamic_shapes=sizes).module()
    for rows, width in ((1, 1), (1, 30), (5, 3), (3, 100)):
        h_BLD, position_B = torch.randn(rows, width, DIM), torch.randint(0, width, (rows,))
        torch.testing.assert_close(
            program(h_BLD, position_B), head.at(h_BLD, position_B), **ROUNDING
        )


@pytest.mark.parametrize("name", names("head"))
def test_a_head_at_a_position_is_the_head_there(name):
    check_every_position(component("head", name).eval())


@pytest.mark.parametrize("name", names("head"))
def test_a_head_at_a_position_in_bfloat16_is_close_to_the_head_there(name):
    head, h_BLD = component("head", name).eval(), torch.randn(3, LENGTH, DIM)
    exact = at_position(head(h_BLD), LENGTHS - 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = head.at(h_BLD.bfloat16(), LENGTHS - 1).float()
    assert (rounded - exact).abs().max() <= 0.05 * exact.abs().max() + 0.02


@pytest.mark.slow
@pytest.mark.parametrize("name", names("head"))
def test_a_head_at_a_position_is_exported_for_any_batch_and_length(name):
    check_export(component("head", name).eval())


class Whole(nn.Module):
    """The mean of all positions, the future and the padding too."""

    def forward(self, h_BLD):
        return h_BLD.cumsum(1) / torch.arange(1, h_BLD.shape[1] + 1)[:, None]

    def at(self, h_BLD, position_B):
        return h_BLD.mean(1)


class Looping(nn.Module):
    """Right in Python, but its export has the number of positions of the example."""

    def forward(self, h_BLD):
        return h_BLD.cumsum(1)

    def at(self, h_BLD, position_B):
        total_BD = torch.zeros_like(h_BLD[:, 0])
        for t, h_BD in enumerate(h_BLD.unbind(1)):
            total_BD = total_BD + h_BD * (t <= position_B[:, None])
        return total_BD


def test_a_head_that_reads_more_than_the_prefix_breaks_the_contract():
    with pytest.raises(AssertionError):
        check_every_position(Whole())


def test_a_head_that_loops_over_positions_breaks_the_contract():
    check_every_position(Looping())
    with pytest.raises(Exception, match=r"[Ss]peciali|constant"):
        check_export(Looping())


@pytest.mark.parametrize("layers", [0, 1, 2])
@pytest.mark.parametrize("positions", ["start", "end", "rotary", "none"])
@pytest.mark.parametrize("block", list(BLOCKS))
def test_the_last_state_alone_is_that_of_all_states(layers, positions, block):
    options = {"layers": layers, "positions": positions, "block": block}
    encoder = component("encoder", "transformer", **options).eval()
    x_BLD, length_B = torch.randn(6, LENGTH, DIM), torch.tensor([1, 2, 5, LENGTH - 1, LENGTH, 3])
    asked = history(length_B)
    every = encoder(x_BLD, asked)
    torch.testing.assert_close(encoder.last(x_BLD, asked), at_position(every, length_B - 1))


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in names("encoder")), ("transformer", {"positions": "rotary"})],
)
def test_a_state_in_a_longer_row_is_that_of_its_prefix_alone(name, options):
    """What is trained at every position is what is asked for later, when it is the last one."""
    encoder, x_BLD = component("encoder", name, **options).eval(), torch.randn(3, LENGTH, DIM)
    every = encoder(x_BLD, history(torch.full((3,), LENGTH)))
    for length in (1, 4, LENGTH - 1):
        alone = encoder(x_BLD[:, :length], history(torch.full((3,), length), length))
        torch.testing.assert_close(every[:, :length], alone)


READERS = [n for n in names("encoder") if hasattr(component("encoder", n), "weights")]


@pytest.mark.parametrize("name", READERS)
def test_an_encoders_weights_lie_on_the_history_and_sum_to_one(name):
    alpha_BHL = component("encoder", name).eval().weights(
        torch.randn(3, LENGTH, DIM), history(LENGTHS)
    )  # fmt: skip
    assert alpha_BHL.shape[0] == 3 and alpha_BHL.shape[1] > 0 and alpha_BHL.shape[2] == LENGTH
    torch.testing.assert_close(alpha_BHL.sum(-1), torch.ones(alpha_BHL.shape[:2]))
    for row, length in enumerate(LENGTHS.tolist()):
        assert (alpha_BHL[row, :, length:] == 0).all()


@pytest.mark.parametrize("block", list(BLOCKS))
def test_a_transformers_weights_are_what_its_last_block_makes_its_output_of(block):
    """Values that are one at a position and zero elsewhere let the weights through."""
    encoder = component("encoder", "transformer", layers=1, heads=1, block=block).eval()
    attention, seen = encoder.blocks[0].attention, []
    attention.out.register_forward_hook(lambda module, given, _: seen.append(given[0]))
    x_BLD, asked = torch.randn(3, LENGTH, DIM), history(LENGTHS)
    source = []
    attention.register_forward_hook(lambda module, given, _: source.append(given[-1]))
    encoder(x_BLD, asked)
    value_BLD = attention._key_value(source[0])[..., DIM:]
    mixed_BD = torch.einsum("bl,bld->bd", encoder.weights(x_BLD, asked)[:, 0], value_BLD)
    torch.testing.assert_close(at_position(seen[0], LENGTHS - 1), mixed_BD, **ROUNDING)


def test_multihead_has_the_weights_of_each_head():
    head, h_BLD = component("head", "multihead", heads=2).eval(), torch.randn(3, LENGTH, DIM)
    alpha_BHL = head.head_weights(h_BLD, LENGTHS - 1)
    assert alpha_BHL.shape == (3, 2, LENGTH)
    torch.testing.assert_close(alpha_BHL.mean(1), head.weights(h_BLD, LENGTHS - 1))


def model_of(encoder: nn.Module | str, head: str, **options) -> SequenceModel:
    return SequenceModel(
        embedding=component("embedding", "id"),
        encoder=component("encoder", encoder) if isinstance(encoder, str) else encoder,
        head=component("head", head),
        scorer=component("scorer", "tied"),
        **options,
    ).eval()


@pytest.mark.parametrize("head", names("head"))
@pytest.mark.parametrize("encoder", names("encoder"))
def test_a_query_is_the_summary_of_the_last_valid_position(encoder, head):
    model, asked = model_of(encoder, head), history(LENGTHS)
    u_BLD = model(asked)
    torch.testing.assert_close(u_BLD, model.read(model.embed(asked), asked))
    expected = model.scorer(at_position(u_BLD, LENGTHS - 1))
    torch.testing.assert_close(model.query(asked), expected, **ROUNDING)


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "head"), [("transformer", "last"), ("identity", "stamp")])
def test_a_model_without_recurrence_is_exported_with_its_history(encoder, head):
    class Query(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model_of(encoder, head)

        def forward(self, asked):
            return self.model.query(asked)

    query = Query()
    row, both = {0: Dim.DYNAMIC}, {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
    program = export(
        query, (history(torch.tensor([7, 4]), 7),), dynamic_shapes=([both, row, row, {}],)
    ).module()
    for length_B in (torch.tensor([1]), torch.tensor([3, 20, 1, 6])):
        asked = history(length_B, int(length_B.max()))
        torch.testing.assert_close(program(asked), query(asked), **ROUNDING)


class Waiting(nn.Module):
    """An encoder that knows when each event was."""

    causal = True
    wanted = ("timestamp",)

    def forward(self, x_BLD, history):
        return x_BLD + history.event["timestamp"][..., None]


def test_an_encoder_gets_the_columns_that_it_wants():
    model = model_of(Waiting(), "last")
    assert model.wanted == ("timestamp",) and model_of("gru", "last").wanted == ()
    early, late = (history(LENGTHS, timestamp=torch.full((3, LENGTH), t)) for t in (1, 2))
    late = type(late)(early.item_BL, LENGTHS, early.user_B, late.event)
    torch.testing.assert_close(model.query(late), model.query(early) + 1)
