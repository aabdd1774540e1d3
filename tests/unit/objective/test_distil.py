"""Learning from a teacher: the parts of the loss, against the naive formula."""

from dataclasses import replace

import pytest
import torch
from helpers.batches import train_batch
from helpers.components import ITEMS, component, node
from helpers.teachers import Given

from seqrec.model import SequenceModel
from seqrec.objective.distil import Distil, best
from seqrec.objective.next_item import NextItem, targets_of
from seqrec.objective.pseudo import Pseudo, lengthened
from seqrec.shapes import UNKNOWN_TIME

LENGTHS = [1, 5, 3, 9]


def parts():
    return {
        "loss": component("loss", "cross_entropy"),
        "negatives": component("negatives", "none"),
    }


def small_model(scorer: str = "tied") -> SequenceModel:
    torch.manual_seed(0)
    return SequenceModel(
        embedding=component("embedding", "id", std=0.5),
        encoder=component("encoder", "gru"),
        head=component("head", "additive"),
        scorer=component("scorer", scorer),
    ).eval()


def naive(model, batch, teacher, temperature, keep=None):
    """The mean divergence at every target, from whole tables of scores."""
    targets, column_N = targets_of(batch)
    catalogue = model.catalogue()
    query_ND = model.scorer(model(batch.history)[targets.row_N, column_N])
    score_NW = catalogue.block(query_ND, 1, len(catalogue)) / temperature
    wanted_NW = teacher(batch.history, targets.row_N, column_N).scores(slice(None)) / temperature
    if keep is not None:
        score_NW, wanted_NW = (x.masked_fill(~keep, -1e9) for x in (score_NW, wanted_NW))
    log_p, log_q = wanted_NW.log_softmax(1), score_NW.log_softmax(1)
    return (log_p.exp() * (log_p - log_q)).sum(1).mean()


@pytest.mark.parametrize("scorer", ["tied", "mlp"])
@pytest.mark.parametrize(("weight", "temperature"), [(0.3, 1.0), (0.8, 3.0), (1.0, 2.0)])
def test_the_loss_is_the_papers(scorer, weight, temperature):
    model, batch, teacher = small_model(scorer), train_batch(LENGTHS), Given()
    kind = Distil(**parts(), teacher=teacher, weight=weight, temperature=temperature)
    loss, count, terms = kind(model, batch)
    plain, same, _ = NextItem(**parts())(model, batch)
    other = naive(model, batch, teacher, temperature)
    assert count == same
    torch.testing.assert_close(terms["distil"], other)
    torch.testing.assert_close(loss, (1 - weight) * plain + weight * temperature**2 * other)
    names = [name for name, _ in model.named_parameters()]
    ours = torch.autograd.grad(terms["distil"], list(model.parameters()), allow_unused=True)
    theirs = torch.autograd.grad(other, list(model.parameters()), allow_unused=True)
    for name, a, b in zip(names, ours, theirs, strict=True):
        if b is not None:
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6, msg=name)


def test_without_weight_it_is_the_next_item():
    model, batch = small_model(), train_batch(LENGTHS)
    loss, _, _ = Distil(**parts(), teacher=Given(), weight=0.0)(model, batch)
    assert torch.equal(loss, NextItem(**parts())(model, batch)[0])


def test_the_best_items_and_the_target_are_a_distribution_of_their_own():
    model, batch, teacher = small_model(), train_batch(LENGTHS), Given()
    targets, column_N = targets_of(batch)
    score_NW = teacher(batch.history, targets.row_N, column_N).scores(slice(None))
    keep = torch.zeros_like(score_NW) > 0
    for row, target in enumerate(targets.item_N.tolist()):
        keep[row, score_NW[row].argsort(descending=True)[:4]] = True
        keep[row, target - 1] = True
    _, _, terms = Distil(**parts(), teacher=teacher, top=4)(model, batch)
    torch.testing.assert_close(terms["distil"], naive(model, batch, teacher, 1.0, keep))
    _, _, whole = Distil(**parts(), teacher=teacher, top=10 * ITEMS)(model, batch)
    torch.testing.assert_close(whole["distil"], naive(model, batch, teacher, 1.0))


def test_the_target_is_kept_where_the_teacher_doesnt_expect_it():
    score_CW = torch.tensor([[3.0, 2.0, 1.0, 0.0], [0.0, 1.0, 2.0, 3.0]])
    kept = best(score_CW, torch.tensor([4, 4]), 2) > -torch.inf
    assert kept.tolist() == [[True, True, False, True], [False, False, True, True]]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        *[(Distil, {"weight": 1.5}), (Distil, {"temperature": 0}), (Distil, {"top": 0})],
        *[(Distil, {"memory_mb": 0}), (Pseudo, {"weight": 0}), (Pseudo, {"events": 1})],
        (Pseudo, {"confidence": 2}),
    ],
)
def test_values_that_make_no_sense_are_refused(kind, values):
    [(key, value)] = values.items()
    with pytest.raises(ValueError, match=f"objective.{key}={value}"):
        kind(**parts(), teacher=Given(), **values)


def test_a_history_is_lengthened_by_its_last_target():
    batch = train_batch([1, 4, 2])
    told = lengthened(batch.history, batch.target_BL)
    assert told.length_B.tolist() == [2, 5, 3] and told.item_BL.shape == (3, 5)
    for row, length in enumerate([1, 4, 2]):
        own = batch.history.item_BL[row, :length].tolist()
        expected = [*own, batch.target_BL[row, length - 1].item()] + [0] * (4 - length)
        assert told.item_BL[row].tolist() == expected
        assert told.event["timestamp"][row, length] == UNKNOWN_TIME


def test_short_histories_alone_get_a_label_after_their_last_event():
    """Of events 1, 5, 3 and 9 (and a target), two histories have at most five."""
    model, batch, teacher = small_model(), train_batch(LENGTHS), Given()
    _, _, terms = Pseudo(**parts(), teacher=teacher, events=5, confidence=0.0)(model, batch)
    each = []
    for row in (0, 2):
        one = batch.history.take(torch.tensor([row]))
        told = lengthened(one, batch.target_BL[[row]])
        query_1D = model.query(told)
        log_q = (query_1D @ model.embedding.table()[1:].T).log_softmax(1)
        log_p = teacher.score_VW[batch.target_BL[row, LENGTHS[row] - 1]].log_softmax(0)
        each.append((log_p.exp() * (log_p - log_q)).sum())
    torch.testing.assert_close(terms["pseudo"], torch.stack(each).mean())


def test_a_label_that_the_teacher_isnt_sure_of_counts_for_nothing():
    model, batch = small_model(), train_batch(LENGTHS)
    kind = Pseudo(**parts(), teacher=Given(), confidence=1.0)
    loss, _, terms = kind(model, batch)
    assert terms["pseudo"] == 0 and loss == terms["next_item"]
    long = replace(batch, history=batch.history.take(torch.tensor([3])))
    long = replace(long, target_BL=batch.target_BL[[3]], prefix_B=batch.prefix_B[[3]])
    assert Pseudo(**parts(), teacher=Given(), confidence=0.0)(model, long)[2]["pseudo"] == 0


def test_a_hard_label_is_the_teachers_best_item():
    model, batch, teacher = small_model(), train_batch([2]), Given()
    kind = Pseudo(**parts(), teacher=teacher, confidence=0.0, soft=False)
    _, _, terms = kind(model, batch)
    told = lengthened(batch.history, batch.target_BL)
    label = teacher.score_VW[batch.target_BL[0, 1]].argmax()
    log_q = (model.query(told) @ model.embedding.table()[1:].T).log_softmax(1)[0]
    torch.testing.assert_close(terms["pseudo"], -log_q[label])


def test_the_files_say_what_the_classes_do_without_them():
    for name, kind in (("distil", Distil), ("pseudo", Pseudo)):
        values = {k: v for k, v in node("objective", name).items() if k != "_target_"}
        plain, own = (kind(**parts(), teacher=Given(), **given) for given in ({}, values))
        for key in values:
            assert getattr(plain, key) == getattr(own, key)
