"""What every way to make a model smaller promises, and that one which breaks a promise fails."""

import io
from typing import ClassVar

import pytest
import torch
from helpers.components import DIM, ITEMS, component, history

from seqrec.compress import Calibration, Smaller
from seqrec.config.choose import Choice
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel
from seqrec.run.packed import coded, sparse, unpacked
from seqrec.shapes import EvalBatch

WAYS = Choice("compress", key="compress", several="ways")
every = pytest.mark.parametrize("name", WAYS.names())


def way_of(name, **options):
    given = {key: str(value) for key, value in options.items()}
    return WAYS.build(WAYS.settings_of([name], given))[name]


def model_of(encoder="transformer", **changes):
    torch.manual_seed(0)
    parts = {"embedding": "id", "head": "last", "scorer": "tied"}
    made = {kind: component(kind, name) for kind, name in parts.items()}
    return SequenceModel(encoder=component("encoder", encoder, **changes), **made).eval()


def calibration():
    torch.manual_seed(3)
    batches = []
    for lengths in ([3, 20, 1], [7, 5]):
        asked, row = history(torch.tensor(lengths)), torch.arange(len(lengths))
        target, none = torch.randint(1, ITEMS + 1, (len(lengths),)), torch.zeros(0).long()
        batches.append(EvalBatch(asked, row, target, None, none, none))
    return Calibration(batches)


def smaller_model(smaller, encoder="transformer"):
    """The model that the changed configuration describes, with the smaller weights."""
    changes = {key.removeprefix("encoder."): value for key, value in smaller.changes.items()}
    model = model_of(encoder, **changes)
    model.load_state_dict(unpacked(smaller.state))
    return model


def size_of(state):
    stream = io.BytesIO()
    torch.save(state, stream)
    return stream.tell()


def check_can_be_loaded(way):
    """The weights fit the model that the configuration then describes, and it answers."""
    model = smaller_model(way(model_of(), calibration()))
    assert calibration().queries(model).isfinite().all()


def check_is_smaller(way):
    """The weights take fewer bytes, written as they are."""
    model = model_of()
    assert size_of(way(model, calibration()).state) < size_of(_same(model).state)


def check_leaves_the_model(way):
    """The model that was given is as it was, and needs no gradients."""
    model, before = model_of(), model_of().state_dict()
    way(model, calibration())
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) and parameter.grad is None
    assert not any(module._forward_pre_hooks for module in model.modules())


def check_draws_nothing(way):
    """It gives the same twice, whatever the state of the random numbers."""
    one = way(model_of(), calibration())
    state = torch.get_rng_state()
    model, asked = model_of(), calibration()
    torch.manual_seed(9)
    two = way(model, asked)
    torch.set_rng_state(state)
    for name, value in unpacked(one.state).items():
        assert torch.equal(value, unpacked(two.state)[name])


def check_stays_near(way):
    """Queries point where they did; those of a random model of this size have a cosine near 0."""
    before, after = model_of(), smaller_model(way(model_of(), calibration()))
    asked = calibration()
    near = torch.cosine_similarity(asked.queries(before), asked.queries(after))
    assert near.mean() > 0.7


PROMISES = [
    check_can_be_loaded,
    check_is_smaller,
    check_leaves_the_model,
    check_draws_nothing,
    check_stays_near,
]


@every
@pytest.mark.parametrize("promise", PROMISES)
def test_every_way_keeps_its_promises(name, promise):
    promise(way_of(name))


@every
def test_every_way_says_what_it_does_to_speed(name):
    assert len(way_of(name).speed.split()) > 5


class Broken:
    speed: ClassVar[str] = "none"

    def __init__(self, make):
        self.make = make

    def __call__(self, model, calibration):
        return self.make(model)


def _half(model):
    return Smaller({k: v[: len(v) // 2] for k, v in model.state_dict().items()})


def _same(model):
    return Smaller({k: v.clone() for k, v in model.state_dict().items()})


def _in_place(model):
    with torch.no_grad():
        model.embedding.weight_VD.zero_()
    return _same(model)


def _drawn(model):
    return Smaller(
        {k: sparse(v * (torch.rand_like(v) < 0.5)) for k, v in _same(model).state.items()}
    )


def _opposite(model):
    return Smaller({k: sparse(-v) for k, v in _same(model).state.items()})


@pytest.mark.parametrize(
    ("make", "promise"),
    [
        (_half, check_can_be_loaded),
        (_same, check_is_smaller),
        (_in_place, check_leaves_the_model),
        (_drawn, check_draws_nothing),
        (_opposite, check_stays_near),
    ],
)
def test_a_way_that_breaks_a_promise_is_found_out(make, promise):
    with pytest.raises((AssertionError, RuntimeError)):
        promise(Broken(make))


# each in particular


@pytest.mark.parametrize("share", [0.0, 0.5, 0.8])
def test_pruning_zeroes_the_smallest_of_all_matrices(share):
    model = model_of()
    state = unpacked(way_of("prune", share=share)(model, calibration()).state)
    names = [n for n, p in model.encoder.named_parameters(prefix="encoder") if p.dim() == 2]
    size = torch.cat([model.state_dict()[name].abs().flatten() for name in names])
    left = torch.cat([state[name].flatten() for name in names])
    assert (left == 0).sum() == round(share * len(size))
    if share:
        assert size[left == 0].max() <= size[left != 0].min()
    assert torch.equal(state["embedding.weight_VD"], model.embedding.weight_VD)


def test_a_table_is_pruned_by_a_share_of_its_own():
    state = unpacked(way_of("prune", share=0, table=0.25)(model_of(), calibration()).state)
    assert (state["embedding.weight_VD"] == 0).sum() == round(0.25 * (ITEMS + 1) * DIM)
    assert all((value != 0).any() for value in state.values() if value.dim() == 2)


@pytest.mark.parametrize(("bits", "most"), [(8, 127), (4, 7)])
def test_codes_are_rounded_and_come_back(bits, most):
    weight = torch.randn(5, 7)
    scale = weight.abs().amax(1) / most
    again = unpacked({"w": coded(weight, scale, bits=bits)})["w"]
    torch.testing.assert_close(again, (weight / scale[:, None]).round() * scale[:, None])
    assert (again - weight).abs().max() <= scale.max() / 2 + 1e-6


def test_sparse_tensors_come_back():
    weight = torch.randn(3, 5) * (torch.rand(3, 5) < 0.4)
    assert torch.equal(unpacked({"w": sparse(weight)})["w"], weight)


def test_what_is_packed_in_no_known_way_is_refused():
    with pytest.raises(ValueError, match="which isn't known"):
        unpacked({"w": {"form": "zip", "shape": [1]}})
    with pytest.raises(ValueError, match="malformed"):
        unpacked({"w": {"form": "sparse", "shape": [1]}})


def test_a_scale_is_never_worse_than_that_of_the_largest_value():
    from seqrec.compress.quantize import best_scales

    weight, power = torch.randn(50, 64), torch.rand(64)

    def error(scale, bits=4):
        again = unpacked({"w": coded(weight, scale, bits=bits)})["w"]
        return (again - weight).square() @ power

    plain = weight.abs().amax(1) / 7
    assert (error(best_scales(weight, power, bits=4)) <= error(plain) + 1e-6).all()
    assert error(best_scales(weight, power, bits=4)).sum() < 0.9 * error(plain).sum()


def test_units_that_the_loss_does_not_see_are_taken_out_and_nothing_changes():
    model = model_of()
    for block in model.encoder.blocks:
        with torch.no_grad():
            block.mlp[-1].weight[:, ::2] = 0  # every second hidden unit leads nowhere
            block.attention.out.weight[:, : DIM // 2] = 0  # and so does the first head
    smaller = way_of("prune_units", heads=1, units=0.5)(model, calibration())
    assert smaller.changes == {"encoder.ffn": 16, "encoder.heads": 1, "encoder.head_width": 4}
    asked = calibration()
    torch.testing.assert_close(asked.queries(smaller_model(smaller)), asked.queries(model))


def test_a_model_without_heads_is_refused():
    with pytest.raises(ConfigError, match="LSTM has no attention heads"):
        way_of("prune_units")(model_of("lstm"), calibration())
    with pytest.raises(ConfigError, match="one has to stay"):
        way_of("prune_units", heads=2)(model_of(), calibration())
    with pytest.raises(ConfigError, match="share their biases"):
        way_of("prune_units")(model_of(positions="relative"), calibration())
