"""What every adapter promises, and that one which breaks a promise is found out."""

import pytest
import torch
from helpers.components import DIM, ITEMS, component, history, names, node
from torch import nn

from seqrec.adapter import adapt, merged
from seqrec.config.make import make
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel
from seqrec.shapes import at_position

LENGTHS = torch.tensor([20, 3, 1, 11])
ENCODERS = [name for name in names("encoder") if name != "identity"]
every = pytest.mark.parametrize("name", names("adapter"))


def adapter_of(name, **changes):
    return make({**node("adapter", name), **changes}, n_items=ITEMS, sparse=False)


def model_of(encoder="lstm"):
    torch.manual_seed(0)
    parts = {"embedding": "id", "head": "additive", "scorer": "tied"}
    made = {kind: component(kind, name) for kind, name in parts.items()}
    return SequenceModel(encoder=component("encoder", encoder), **made).eval()


def histories(model):
    torch.manual_seed(1)
    event = {name: torch.zeros(len(LENGTHS), 20) for name in model.wanted}
    return history(LENGTHS, **event)


def train(model, steps=3):
    """Follow the gradient of an arbitrary loss."""
    asked = histories(model)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    torch.manual_seed(2)
    wanted = torch.randn(len(LENGTHS), 20, DIM)
    for _ in range(steps):
        optimizer.zero_grad()
        ((model(asked) - wanted) ** 2).mean().backward()
        optimizer.step()
    return model


def check_begins_as_it_was(adapter, encoder="lstm"):
    """At step 0 every answer is that of the model, to the bit."""
    model, before = model_of(encoder), model_of(encoder)
    asked = histories(model)
    adapt(model, adapter)
    assert torch.equal(model(asked), before(asked))
    assert torch.equal(model.query(asked), before.query(asked))
    for mine, theirs in zip(model.answer(asked), before.answer(asked), strict=True):
        assert torch.equal(mine, theirs)


def check_trains_what_it_says(adapter, encoder="lstm"):
    """What it added and what `train` names learns; nothing else moves by a bit."""
    model, before = adapt(model_of(encoder), adapter), model_of(encoder).state_dict()
    own = dict.fromkeys(before) | {"named": None}
    first = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    wanted = {name for name in own if any(f"{name}.".startswith(f"{t}.") for t in adapter.train)}
    assert wanted <= trained
    assert {name for name in trained if name in before} == wanted
    train(model)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, first[name]) is (name not in trained), name
        assert parameter.isfinite().all()


def check_loads_an_unadapted_model(adapter, encoder="lstm"):
    """The weights of a model without the adapter can be loaded, and answer as there."""
    other, model = train(model_of(encoder)), adapt(model_of(encoder), adapter)
    model.load_state_dict(other.state_dict())
    asked = histories(model)
    assert torch.equal(model(asked), other(asked))


def check_is_stored_alone(adapter, encoder="lstm"):
    """The base and what was trained make the adapted model again."""
    model = train(adapt(model_of(encoder), adapter))
    alone = {name: p for name, p in model.named_parameters() if p.requires_grad}
    again = adapt(model_of(encoder), adapter)
    assert not again.load_state_dict(alone, strict=False).unexpected_keys
    assert torch.equal(again(histories(model)), model(histories(model)))
    whole = adapt(model_of(encoder), adapter)
    whole.load_state_dict(model.state_dict())
    assert torch.equal(whole(histories(model)), model(histories(model)))


def check_merges(adapter, encoder="lstm"):
    """Merged, it answers the same, and the adapted model is as it was."""
    model = train(adapt(model_of(encoder), adapter))
    before, asked = {k: v.clone() for k, v in model.state_dict().items()}, histories(model)
    other = merged(model)
    torch.testing.assert_close(other(asked), model(asked), atol=1e-5, rtol=1e-5)
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def check_reads_out(adapter, encoder="lstm"):
    """The last state alone is the last of all states."""
    model, asked = train(adapt(model_of(encoder), adapter)), histories(model_of(encoder))
    h_BLD = model.encoder(model.embed(asked), asked)
    last = getattr(model.encoder, "last", None)
    if last is not None:
        found = last(model.embed(asked), asked)
        torch.testing.assert_close(found, at_position(h_BLD, LENGTHS - 1), atol=1e-5, rtol=1e-5)
    whole = model.head.at(h_BLD, LENGTHS - 1)
    torch.testing.assert_close(model.query(asked), whole, atol=1e-5, rtol=1e-5)


PROMISES = [
    check_begins_as_it_was,
    check_trains_what_it_says,
    check_loads_an_unadapted_model,
    check_is_stored_alone,
    check_merges,
    check_reads_out,
]


@every
@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_adapter_keeps_its_promises(name, promise, encoder):
    promise(adapter_of(name), encoder)


@every
def test_more_can_be_trained_by_name(name):
    check_trains_what_it_says(adapter_of(name, train=["embedding", "head.join.project"]))


@every
def test_what_the_model_lacks_is_refused_by_name(name):
    with pytest.raises(ConfigError, match=r"no parameters in 'tail'"):
        adapt(model_of(), adapter_of(name, train=["tail"]))


class Wrong:
    """An adapter that does as its function does."""

    def __init__(self, change, train=()):
        self.change, self.train = change, list(train)

    def __call__(self, model):
        self.change(model)


def _random(model):
    model.encoder = nn.Sequential()
    model.encoder.added = nn.Linear(DIM, DIM)
    model.encoder.forward = lambda x_BLD, _: model.encoder.added(x_BLD)


class Extra(nn.Module):
    """An encoder with a zero layer behind it, which forgets some of what was promised."""

    def __init__(self, inner, *, thaw=False, short=False):
        super().__init__()
        self.inner, self.thaw, self.short = inner, thaw, short
        self.add = nn.Linear(DIM, DIM)
        nn.init.zeros_(self.add.weight)
        nn.init.zeros_(self.add.bias)

    def forward(self, x_BLD, history):
        h_BLD = self.inner(x_BLD, history)
        if self.thaw:  # a frozen matrix moves
            with torch.no_grad():
                next(self.inner.parameters()).add_(0.01)
        return h_BLD + self.add(h_BLD)

    def last(self, x_BLD, history):
        """Without the layer."""
        return at_position(self.inner(x_BLD, history), history.length_B - 1)


def _behind(**flags):
    def change(model):
        model.encoder = Extra(model.encoder, **flags)

    return change


def _replaced(model):
    """The item table is a new one of another name, so that of another model has no place."""
    model.embedding.rows_VD = nn.Parameter(model.embedding.weight_VD.detach().clone())
    del model.embedding.weight_VD
    model.embedding.forward = lambda asked: nn.functional.embedding(
        asked.item_BL, model.embedding.rows_VD
    )


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (_random, check_begins_as_it_was),
        (_behind(thaw=True), check_trains_what_it_says),
        (_replaced, check_loads_an_unadapted_model),
        (_behind(thaw=True), check_is_stored_alone),
        (_behind(thaw=True), check_merges),
        (_behind(), check_reads_out),
    ],
)
def test_an_adapter_that_breaks_a_promise_is_found_out(change, promise):
    with pytest.raises((AssertionError, RuntimeError)):
        promise(Wrong(change))


# each in particular


def test_a_low_rank_change_is_the_published_formula():
    model = train(adapt(model_of(), adapter_of("lora", rank=2, alpha=6.0)))
    parts = model.encoder.rnn.parametrizations.weight_hh_l0
    [change] = parts
    wanted = parts.original + 6.0 / 2 * change.b_OR @ change.a_RI
    torch.testing.assert_close(model.encoder.rnn.weight_hh_l0, wanted)
    assert torch.linalg.matrix_rank(wanted - parts.original, tol=1e-6) == 2


def test_a_low_rank_change_of_a_model_that_has_no_matrix_is_refused():
    with pytest.raises(ConfigError, match="Identity has no matrix"):
        adapt(model_of("identity"), adapter_of("lora"))


def test_there_is_a_bottleneck_behind_each_block_or_behind_the_encoder():
    model = adapt(model_of("transformer"), adapter_of("bottleneck"))
    assert [type(block).__name__ for block in model.encoder.blocks] == ["Behind"] * 2
    recurrent = adapt(model_of("gru"), adapter_of("bottleneck"))
    assert recurrent.encoder.causal and recurrent.encoder.down.weight.shape == (DIM // 4, DIM)


def test_an_adapter_that_would_train_nothing_is_refused():
    with pytest.raises(ConfigError, match="nothing would be trained"):
        adapt(model_of(), adapter_of("freeze", train=[]))
