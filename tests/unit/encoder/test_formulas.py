"""Encoders against their papers' formulas, one position after another."""

import pytest
import torch
from helpers.components import DIM, LENGTH, component, history
from torch import nn

from seqrec.encoder.filter import low_pass
from seqrec.encoder.lru import LinearRecurrence
from seqrec.shapes import History, at_position

LENGTHS = torch.tensor([1, 5, LENGTH])


def built(name, **options):
    """An encoder with random weights, biases too, so that nothing hides behind a zero."""
    encoder = component("encoder", name, **options).eval()
    for value in encoder.parameters():
        if value.dim() < 2 or not value.any():
            nn.init.normal_(value, std=0.5)
    return encoder


def timed(rows=3):
    """Histories with events some hours apart, that are asked about some hours after the last."""
    asked = history(LENGTHS[:rows] if rows <= 3 else torch.full((rows,), LENGTH))
    step_BL = torch.randint(0, 20_000_000, (rows, LENGTH + 1)).cumsum(1) + 10**12
    asked_B = step_BL.gather(1, asked.length_B[:, None])[:, 0]
    event = {"timestamp": step_BL[:, :-1]}
    return History(asked.item_BL, asked.length_B, asked.user_B, event, asked_B)


def test_mingru_is_a_mean_of_what_was_and_what_is_new():
    encoder, x = built("mingru"), torch.randn(2, LENGTH, DIM)
    [layer] = encoder.layers
    h, states = torch.zeros(2, DIM), []
    for t in range(LENGTH):
        gate, new = layer(x[:, t]).chunk(2, -1)
        z = torch.sigmoid(gate)
        h = (1 - z) * h + z * new
        states.append(h)
    ours = encoder(x, history(torch.full((2,), LENGTH)))
    torch.testing.assert_close(ours, torch.stack(states, 1))


def test_a_linear_recurrence_has_complex_states():
    layer, x = LinearRecurrence(dim=4, state=6, max_length=LENGTH), torch.randn(1, LENGTH, 4)
    size, angle = (-layer.nu_S.exp()).exp(), layer.theta_S.exp()
    factor = torch.polar(size, angle).to(torch.complex64)
    real, imaginary = layer.enter.weight.chunk(2, 0)
    into = torch.complex(real, imaginary)
    left, right = layer.leave.weight.chunk(2, 1)
    out = torch.complex(left, -right)  # Re((a - ib)(c + id)) = ac + bd
    h, states = torch.zeros(6, dtype=torch.complex64), []
    for t in range(LENGTH):
        h = factor * h + (1 - size**2).sqrt() * (into @ x[0, t].to(torch.complex64))
        states.append((out @ h).real)
    torch.testing.assert_close(layer(x)[0], torch.stack(states), rtol=1e-3, atol=1e-4)
    assert ((size > 0.79) & (size < 0.991)).all()


@pytest.mark.parametrize("divide_by", ["events", "max_length"])
@pytest.mark.parametrize("time", [None, "events", "request"])
def test_hstu_is_its_papers_formula(time, divide_by):
    encoder, asked = built("hstu", layers=1, time=time, divide_by=divide_by), timed()
    [block] = encoder.blocks
    x = torch.randn(3, LENGTH, DIM)
    ours = encoder(x, asked)
    every = torch.arange(LENGTH)[None]
    bias = block.bias(asked, every, LENGTH).expand(3, -1, -1, -1)
    for row, length in enumerate(LENGTHS.tolist()):
        u, v, q, k = torch.nn.functional.silu(block.enter(block.norm_1(x[row]))).view(
            LENGTH, 4, 2, DIM // 2
        ).unbind(1)  # fmt: skip
        for t in range(length):
            e = torch.einsum("hw,shw->hs", q[t], k[: t + 1]) + bias[row, :, t, : t + 1]
            a = torch.nn.functional.silu(e) / (t + 1 if divide_by == "events" else LENGTH)
            y = torch.einsum("hs,shw->hw", a, v[: t + 1]).flatten()
            expected = x[row, t] + block.leave(block.norm_2(y) * u[t].flatten())
            torch.testing.assert_close(ours[row, t], encoder.norm(expected), rtol=1e-4, atol=1e-5)


def test_hstu_is_the_same_whatever_part_of_its_scores_is_held(monkeypatch):
    encoder, x, asked = built("hstu", time="events"), torch.randn(3, LENGTH, DIM), timed()
    whole = encoder(x, asked)
    (gradient,) = torch.autograd.grad(whole.sum(), encoder.blocks[0].enter.weight)
    monkeypatch.setattr("seqrec.encoder.hstu.HELD", 1)
    parts = encoder(x, asked)
    torch.testing.assert_close(parts, whole)
    (other,) = torch.autograd.grad(parts.sum(), encoder.blocks[0].enter.weight)
    torch.testing.assert_close(other, gradient)


def test_nextitnet_is_two_dilated_convolutions_with_a_residual():
    encoder, x = built("nextitnet", layers=2), torch.randn(1, LENGTH, DIM)
    wanted = x
    for number, block in enumerate(encoder.blocks):
        y = wanted
        steps = (
            (block.conv_1, block.norm_1, 4**number),
            (block.conv_2, block.norm_2, 2 * 4**number),
        )
        for conv, norm, dilation in steps:
            weight, rows = conv.conv.weight, []
            for t in range(LENGTH):
                total = conv.conv.bias
                for tap in range(3):
                    s = t - (2 - tap) * dilation
                    total = total + (weight[:, :, tap] @ y[0, s] if s >= 0 else 0)
                rows.append(norm(total).relu())
            y = torch.stack(rows)[None]
        wanted = wanted + y
    torch.testing.assert_close(encoder(x, history(torch.tensor([LENGTH]))), wanted)


def test_differences_are_weighed_at_each_position():
    encoder, x = built("difference", layers=1), torch.randn(1, LENGTH, DIM)
    mixer = encoder.blocks[0].mixer
    attended = torch.randn(1, LENGTH, DIM)
    ours = mixer(x, attended)

    def back(t, step):
        return x[0, t - step] if t >= step else torch.zeros(DIM)

    for t in range(LENGTH):
        signals = [x[0, t]]
        for step in (1, 3, 5):
            signals.append(x[0, t] - back(t, step))
            signals.append(x[0, t] - 2 * back(t, step) + back(t, 2 * step))
        weight = mixer.weigh(torch.cat(signals)).softmax(-1)
        mixed = sum(w * signal for w, signal in zip(weight, signals, strict=True))
        expected = mixer.norm(x[0, t] + attended[0, t] + mixer.share * mixed)
        torch.testing.assert_close(ours[0, t], expected)


@pytest.mark.parametrize(("window", "lowest"), [(50, 5), (20, 1), (7, 4)])
def test_taps_are_the_low_frequencies_at_the_end_of_a_window(window, lowest):
    x = torch.randn(window, dtype=torch.float64)
    spectrum = torch.fft.rfft(x)
    spectrum[lowest // 2 + 1 :] = 0
    wanted = torch.fft.irfft(spectrum, n=window)[-1]
    ours = (low_pass(window, lowest).double() * x.flip(0)).sum()
    torch.testing.assert_close(ours, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("window", [4, LENGTH])
def test_learned_taps_begin_as_the_fixed_ones(window):
    fixed = component("encoder", "filter", window=window).eval()
    learned = component("encoder", "filter", window=window, taps="learned").eval()
    learned.load_state_dict(fixed.state_dict(), strict=False)
    x, asked = torch.randn(3, LENGTH, DIM), history(LENGTHS)
    torch.testing.assert_close(learned(x, asked), fixed(x, asked))


CHEAPER = [
    ("difference", {}),
    ("difference", {"positions": "relative", "layers": 1}),
    ("filter", {}),
    ("filter", {"taps": "learned", "window": 6}),
    ("hstu", {}),
    ("hstu", {"time": "request"}),
    ("hstu", {"time": "events", "layers": 1, "positions": "none"}),
    ("transformer", {"positions": "relative", "time": "request"}),
    ("transformer", {"positions": "relative", "time": "events", "block": "sasrec"}),
]


BOTH_WAYS = [
    ("transformer", {"positions": "relative", "time": "events", "causal": False}),
    ("transformer", {"positions": "relative", "causal": False, "block": "sasrec"}),
]


@pytest.mark.parametrize(("name", "options"), [*CHEAPER, *BOTH_WAYS])
def test_the_last_state_alone_is_that_of_all_states(name, options):
    encoder, x, asked = built(name, **options), torch.randn(3, LENGTH, DIM), timed()
    every = encoder(x, asked)
    torch.testing.assert_close(encoder.last(x, asked), at_position(every, LENGTHS - 1))


@pytest.mark.parametrize(("name", "options"), CHEAPER)
def test_a_state_in_a_longer_row_is_that_of_its_prefix_alone(name, options):
    """A prefix is asked about at the time of the event that follows it."""
    encoder, x, asked = built(name, **options), torch.randn(4, LENGTH, DIM), timed(4)
    every, time_BL = encoder(x, asked), asked.event["timestamp"]
    for length in (1, 6, LENGTH - 1):
        prefix = History(
            asked.item_BL[:, :length],
            torch.full((4,), length),
            asked.user_B,
            {"timestamp": time_BL[:, :length]},
            time_BL[:, length],
        )
        alone = encoder(x[:, :length], prefix)
        torch.testing.assert_close(every[:, :length], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["difference", "filter", "transformer"])
def test_a_blocks_map_ends_in_its_weights(name):
    encoder, x = built(name, positions="relative"), torch.randn(3, LENGTH, DIM)
    asked = history(torch.full((3,), LENGTH))
    maps = encoder.maps(x, asked)
    torch.testing.assert_close(maps[-1][:, :, -1], encoder.weights(x, asked))
    assert len(maps) == 2 and not maps[0].triu(1).any()


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen2"])
def test_a_decoder_of_the_library_is_causal_and_has_no_words(architecture):
    pytest.importorskip("transformers")
    encoder = component("encoder", "huggingface", architecture=architecture).eval()
    x, asked = torch.randn(2, LENGTH, DIM), history(torch.full((2,), LENGTH))
    changed = x.clone()
    changed[:, 7:] += 9
    torch.testing.assert_close(encoder(changed, asked)[:, :7], encoder(x, asked)[:, :7])
    assert not any("wte" in name or "embed" in name for name, _ in encoder.named_parameters())
    with pytest.raises(ValueError, match=f"max_length={LENGTH}"):
        encoder(torch.randn(1, LENGTH + 1, DIM), history(torch.tensor([LENGTH + 1]), LENGTH + 1))


def test_without_the_library_it_is_named_with_how_to_install_it(monkeypatch):
    import sys

    from seqrec.encoder.huggingface import HuggingFace
    from seqrec.errors import ConfigError

    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match="need the package transformers") as raised:
        HuggingFace(further=0, dim=8, max_length=9)
    assert "[transformers]" in str(raised.value)
