"""Attention to a few events of a long history."""

import pytest
import torch
from helpers.components import DIM, LENGTH, component, history
from helpers.experiments import root

from seqrec.build import build_model
from seqrec.encoder._pruned import pruned
from seqrec.errors import ConfigError
from seqrec.export.graph import exportable
from seqrec.facts import Facts
from seqrec.shapes import at_position

LENGTHS = torch.tensor([1, 7, LENGTH])
BY = ("attention", "recency", "norm")
every = pytest.mark.parametrize("by", BY)


def built(**options):
    return component("encoder", "transformer", **options).eval()


@every
def test_keeping_all_is_no_pruning(by):
    whole, x, asked = built(positions="rotary"), torch.randn(3, LENGTH, DIM), history(LENGTHS)
    kept = built(positions="rotary", keep=LENGTH, keep_by=by)
    kept.load_state_dict(whole.state_dict())
    torch.testing.assert_close(kept(x, asked), whole(x, asked))
    torch.testing.assert_close(kept.maps(x, asked), whole.maps(x, asked))


@every
@pytest.mark.parametrize("block", ["pre_norm", "sasrec"])
def test_a_state_in_a_longer_row_is_that_of_its_prefix_alone(by, block):
    encoder = built(keep=4, keep_by=by, block=block)
    x = torch.randn(3, LENGTH, DIM)
    states = encoder(x, history(torch.full((3,), LENGTH)))
    for length in (1, 4, 5, 13):
        alone = encoder(x[:, :length], history(torch.full((3,), length), length))
        torch.testing.assert_close(states[:, :length], alone)
    asked = history(LENGTHS)
    torch.testing.assert_close(encoder.last(x, asked), at_position(states, LENGTHS - 1))


@every
def test_a_position_sees_its_stretch_and_as_many_before_it(by):
    """The weights that are shown lie there, sum to one, and the last ones are the last row."""
    encoder, x = built(keep=4, keep_by=by), torch.randn(3, LENGTH, DIM)
    asked = history(torch.full((3,), LENGTH))
    maps = encoder.maps(x, asked)
    for alpha_BHLL in maps:
        torch.testing.assert_close(alpha_BHLL.sum(-1), torch.ones(3, 2, LENGTH))
        for t in range(LENGTH):
            seen = alpha_BHLL[:, :, t] > 0
            assert not seen[..., t + 1 :].any() and seen[..., t - t % 4 : t + 1].all()
            assert (seen.sum(-1) == min(t - t % 4, 4) + t % 4 + 1).all()
    torch.testing.assert_close(encoder.weights(x, asked), maps[-1][:, :, -1])


def attended(values, scores, by):
    """One head of width 1 whose scores don't depend on the query; what each stretch sees."""
    q = torch.ones(1, 1, len(values), 1)
    k, v = torch.tensor(scores).view(1, 1, -1, 1), torch.tensor(values).view(1, 1, -1, 1)
    steps = pruned(q, k, v, keep=2, by=by, dropout=torch.nn.Identity())
    return [sorted(place[0, 0].tolist()) for place, _, _ in steps]


def test_what_is_kept_is_worth_most():
    values, scores = [9.0, 1.0, 5.0, 2.0, 3.0, 4.0], [0.0, 6.0, 1.0, 2.0, 9.0, 0.0]
    assert attended(values, scores, "recency") == [[0, 1], [0, 1, 2, 3], [2, 3, 4, 5]]
    assert attended(values, scores, "norm") == [[0, 1], [0, 1, 2, 3], [0, 2, 4, 5]]
    assert attended(values, scores, "attention") == [[0, 1], [0, 1, 2, 3], [1, 3, 4, 5]]


@every
def test_gradients_are_finite_and_reach_every_weight(by):
    encoder = component("encoder", "transformer", keep=3, keep_by=by, dropout=0.1).train()
    x = torch.randn(3, LENGTH, DIM, requires_grad=True)
    encoder(x, history(LENGTHS)).square().mean().backward()
    assert x.grad.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in encoder.parameters())


def test_a_bias_of_scores_and_an_export_are_refused_by_name():
    with pytest.raises(
        ConfigError, match=r"encoder\.keep=3 needs attention that is causal and has no bias"
    ):
        built(keep=3, positions="relative")
    config = root("encoder=transformer", "encoder.keep=5", "dim=8", "max_length=20")
    with pytest.raises(ConfigError, match=r"encoder\.keep chooses events in a loop"):
        exportable(build_model(config, Facts(n_items=5)))
