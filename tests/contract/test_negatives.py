"""What every sampler of negatives promises, and that those which break a promise are found out."""

import math
from dataclasses import replace

import pytest
import torch
from helpers.components import DIM, ITEMS, component, names, node

from seqrec.catalogue import Catalogue
from seqrec.shapes import Negatives, Targets

N, S, LOG_Q = 24, 4000, -math.log(ITEMS)
SAMPLERS = sorted({*names("negatives")} - {"none"})
OPTIONS = [
    (name, options)
    for name in SAMPLERS
    for options in (
        [{"shared": True}, {"shared": False}] if "shared" in node("negatives", name) else [{}]
    )
]
every = pytest.mark.parametrize(("name", "options"), OPTIONS)


def positions():
    """Targets of six sequences of four positions, and their inputs."""
    torch.manual_seed(0)
    target_BL = torch.randint(1, ITEMS + 1, (N // 4, 4))
    item_BL = torch.cat([torch.randint(1, ITEMS + 1, (N // 4, 1)), target_BL[:, :-1]], dim=1)
    return Targets(target_BL.flatten(), torch.arange(N) // 4), item_BL


def draw(sampler, seed=1):
    return drawn_by(sampler, *positions(), seed=seed)


def drawn_by(sampler, targets, item_BL, seed=1):
    """Draw with a seed; a sampler that sees queries sees one and the same at all positions."""
    torch.manual_seed(0)
    query_ND = torch.randn(1, DIM).expand(len(targets.item_N), DIM).requires_grad_()
    shelf = Catalogue(torch.randn(ITEMS + 1, DIM, requires_grad=True))
    seen = (query_ND, shelf) if getattr(sampler, "sees_queries", False) else ()
    torch.manual_seed(seed)
    draws = sampler(targets, item_BL, *seen)
    if draws.lesson is not None:
        draws.lesson.backward()
    assert query_ND.grad is None and shelf.table_VD.grad is None
    return draws


def check_items(sampler):
    """Only items are drawn, never the padding; shapes are as declared."""
    draws = draw(sampler)
    assert draws.item.shape in ((S,), (N, S)) and draws.log_q.shape == draws.item.shape
    assert draws.item.min() >= 1 and draws.item.max() <= ITEMS
    assert draws.keep_NS.shape == (N, S) and draws.keep_NS.dtype == torch.bool


def check_target_is_not_kept(sampler):
    """What is kept is never the target."""
    draws = draw(sampler)
    same_NS = draws.item.expand(N, S) == positions()[0].item_N[:, None]
    seeing = getattr(sampler, "sees_queries", False)  # it may have chosen another draw
    assert (same_NS.any() or seeing) and not (same_NS & draws.keep_NS).any()


def check_others_are_kept(sampler):
    """A draw is only left out for being an item of its own sequence."""
    targets, item_BL = positions()
    draws = draw(sampler)
    for n, row in enumerate(targets.row_N.tolist()):
        own = {*item_BL[row].tolist(), *targets.item_N[targets.row_N == row].tolist()}
        assert set(draws.item.expand(N, S)[n][~draws.keep_NS[n]].tolist()) <= own


def check_log_q(sampler):
    """``exp(log_q)`` is the chance of an item: it sums to 1, and items are drawn that often.

    A sampler that can't tell says so.
    """
    if not getattr(sampler, "has_probabilities", True):
        return
    draws = draw(sampler)
    chance_V = torch.zeros(ITEMS + 1)
    chance_V[draws.item.flatten()] = draws.log_q.flatten().exp()
    assert chance_V.sum().item() == pytest.approx(1, abs=1e-4)
    share_V = torch.bincount(draws.item.flatten(), minlength=ITEMS + 1) / draws.item.numel()
    assert (share_V - chance_V).abs().max() < 0.03


def check_seed(sampler):
    """The seed alone decides what is drawn."""
    one, two, other = draw(sampler), draw(sampler), draw(sampler, seed=2)
    assert torch.equal(one.item, two.item) and torch.equal(one.keep_NS, two.keep_NS)
    assert not torch.equal(one.item, other.item)


CHECKS = [check_items, check_target_is_not_kept, check_others_are_kept, check_log_q, check_seed]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_sampler_keeps_its_promise(check, name, options):
    check(component("negatives", name, num=S, **options))


@every
def test_with_exclude_own_nothing_of_the_sequence_is_kept(name, options):
    if "exclude_own" not in node("negatives", name):
        return
    targets, item_BL = positions()
    sampler = component("negatives", name, num=S, **options, exclude_own=True)
    draws = drawn_by(sampler, targets, item_BL)
    for n, row in enumerate(targets.row_N.tolist()):
        own = {*item_BL[row].tolist(), *targets.item_N[targets.row_N == row].tolist()}
        assert not own & set(draws.item.expand(N, S)[n][draws.keep_NS[n]].tolist())


def test_unseen_items_are_those_that_the_user_has_no_event_with():
    """Evenly, however few they are; of a user who isn't known, all but the target."""
    have = {0: {2, 3}, 1: {1}, 3: {*range(1, ITEMS)}}  # user 3 lacks one item
    own_P = torch.tensor([user * (ITEMS + 1) + i for user, of in have.items() for i in sorted(of)])
    sampler = component("negatives", "unseen", num=S, own_items=lambda: own_P)
    user_N = torch.tensor([0, 1, 2, 3, -1])
    targets = Targets(torch.tensor([2, 1, 4, 5, 6]), torch.arange(5), None, user_N)
    draws = sampler(targets, torch.zeros(5, 1, dtype=torch.int64))
    for n, user in enumerate(user_N.tolist()):
        kept = draws.item[n][draws.keep_NS[n]]
        free = {*range(1, ITEMS + 1)} - have.get(user, set()) - {int(targets.item_N[n])}
        assert set(kept.tolist()) == free
        share = torch.bincount(kept)[kept.unique()] / len(kept)
        assert (share - 1 / len(free)).abs().max() < 0.03
    assert draws.log_q[:, 0].exp().tolist() == pytest.approx([1 / 18, 1 / 19, 1 / 20, 1, 1 / 20])


def test_none_draws_nothing():
    assert component("negatives", "none")(*positions()) is None


def drawn(targets, lowest=1, highest=ITEMS, log_q=LOG_Q, generator=None, keep=None):
    item_S = torch.randint(lowest, highest + 1, (S,), generator=generator)
    keep_NS = item_S != targets.item_N[:, None] if keep is None else torch.full((N, S), keep)
    return Negatives(item_S, torch.full((S,), log_q), keep_NS)


class ReturnsGradients:
    """What it draws teaches the model."""

    sees_queries = True

    def __call__(self, targets, item_BL, query_ND, catalogue):
        return replace(drawn(targets), lesson=query_ND.sum())


def stubborn(targets, item_BL):
    return drawn(targets, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_items, lambda targets, _: drawn(targets, lowest=0)),
        (check_target_is_not_kept, lambda targets, _: drawn(targets, keep=True)),
        (check_others_are_kept, lambda targets, _: drawn(targets, keep=False)),
        (check_log_q, lambda targets, _: drawn(targets, log_q=-1.0)),
        (check_log_q, lambda targets, _: drawn(targets, highest=ITEMS // 2)),
        (check_seed, stubborn),
        (check_items, ReturnsGradients()),
    ],
)
def test_a_broken_sampler_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken)
