"""Any encoder trains with any head, scorer and loss."""

import dataclasses

import pytest
import torch
from helpers.components import names, node
from helpers.experiments import batches, root
from helpers.pairs import pairwise

from seqrec.config.check.combine import conflicts
from seqrec.experiment.assemble import build_experiment

BARRED = frozenset(("ncf", "cross_entropy"))  # scores of pairs, and a loss over the catalogue
OWN = ("prepare", "batch", "trainer", "evaluation")  # sections that no component has a say in
CELLS = pairwise(*map(names, ("encoder", "head", "scorer", "loss")), without={BARRED})


@pytest.fixture(scope="module")
def brief():
    """The configuration of small batches."""
    return root("batch.size=8", "negatives.num=8")


def cell(brief, **chosen):
    """The configuration of components by name, and the names that can't be combined."""
    config = dataclasses.replace(brief, **{kind: node(kind, name) for kind, name in chosen.items()})
    return config, [*conflicts(vars(config) | {key: {} for key in OWN})]


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "head", "scorer", "loss"), CELLS)
def test_a_cell_trains(small, brief, encoder, head, scorer, loss):
    """The loss of a batch falls, and nothing is ever NaN; any two components meet in a cell."""
    config, conflicting = cell(brief, encoder=encoder, head=head, scorer=scorer, loss=loss)
    assert not conflicting
    experiment = build_experiment(config, small)
    batch = next(iter(batches(experiment)))
    optimizer = torch.optim.Adam(experiment.parameters(), lr=0.003)
    losses = []
    for _ in range(3):
        torch.manual_seed(0)  # the same negatives, and the same dropout masks
        value, _, _ = experiment.learn(batch)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert losses[-1] < losses[0], losses


def test_a_scorer_of_pairs_and_a_loss_over_the_catalogue_are_the_one_combination_refused(brief):
    for scorer in names("scorer"):
        for loss in names("loss"):
            _, conflicting = cell(brief, scorer=scorer, loss=loss)
            assert bool(conflicting) == ({scorer, loss} == BARRED)
