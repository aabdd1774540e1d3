"""Which part of an event's vector counts: its id, its features, its context."""

from dataclasses import replace

import pytest
import torch
from helpers.components import component, names
from helpers.questions import ROW, one_user, question, trained

from seqrec.explainer.input_x_gradient import InputXGradient
from seqrec.explainer.integrated_gradients import IntegratedGradients
from seqrec.explainer.leave_one_out import LeaveOneOut

DAY = 86_400_000


def columns_of_all_kinds(join="concat"):
    """A question to a model of features and context, both with random weights."""
    torch.manual_seed(0)
    context = component("context", "events", target_time=True)
    for parameter in context.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    embedding = component("embedding", "features", join=join)
    if embedding.weight_ED is not None:
        torch.nn.init.normal_(embedding.weight_ED)
    return question(trained(embedding=embedding, context=context), timed())


def timed():
    """A history with ratings and times."""
    at_L = torch.arange(len(ROW))
    history = one_user(rating=at_L.float()[None], timestamp=(DAY * at_L)[None])
    return replace(history, asked_B=torch.tensor([DAY * len(ROW)]))


@pytest.mark.parametrize("join", ["concat", "sum", "gate"])
def test_the_parts_sum_to_the_vectors(join):
    asked = columns_of_all_kinds(join)
    parts = asked.summands()
    assert {"item", "item.genres", "event.rating", "event.hour of the next"} <= set(parts)
    whole = torch.stack(list(parts.values())).sum(0)
    torch.testing.assert_close(whole, asked.vectors(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("embedding", names("embedding"))
@pytest.mark.parametrize("context", [None, *names("context")])
def test_the_parts_of_every_embedding_and_context_sum_to_the_vectors(embedding, context):
    torch.manual_seed(0)
    parts = {"embedding": component("embedding", embedding)}
    parts |= {"context": component("context", context)} if context else {}
    for parameter in torch.nn.ModuleDict(parts).parameters():
        torch.nn.init.normal_(parameter)
    asked = question(trained(**parts), timed(), target=20)
    total = torch.stack(list(asked.summands().values())).sum(0)
    torch.testing.assert_close(total, asked.vectors(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("explainer", [InputXGradient(), IntegratedGradients()])
def test_weights_of_columns_sum_to_those_of_events(explainer):
    said = explainer(columns_of_all_kinds())
    assert set(said.column_L) == set(columns_of_all_kinds().summands())
    total_L = torch.stack(list(said.column_L.values())).sum(0)
    torch.testing.assert_close(total_L, said.weight_L)
    assert all(weight_L.any() for weight_L in said.column_L.values())


def test_leaving_out_a_column_takes_its_part_of_one_vector():
    asked = columns_of_all_kinds()
    said = LeaveOneOut()(asked)
    x_1LD, part_1LD = asked.vectors(), asked.summands()["item.brand"]
    without = x_1LD.clone()
    without[0, 2] -= part_1LD[0, 2]
    expected = asked.score(x_1LD) - asked.score(without)
    assert said.column_L["item.brand"][2].item() == pytest.approx(expected.item(), abs=1e-6)


def test_a_vector_of_one_part_has_no_columns():
    for explainer in (LeaveOneOut(), InputXGradient()):
        assert explainer(question(trained())).column_L == {}


@pytest.mark.parametrize("baseline", ["mean", "items", "users"])
def test_columns_are_compared_with_any_baseline(baseline):
    asked = replace(columns_of_all_kinds(), others=timed())
    said = IntegratedGradients(baseline=baseline)(asked)
    total_L = torch.stack(list(said.column_L.values())).sum(0)
    torch.testing.assert_close(total_L, said.weight_L)
    assert said.error <= 0.01
