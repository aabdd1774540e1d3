"""What every generator promises, and that generators which break a promise are found out."""

import math

import polars as pl
import pytest
import torch
from helpers.components import names
from helpers.experiments import root

from seqrec.build import build_model
from seqrec.config.choose import Choice
from seqrec.facts import EventFacts, Facts
from seqrec.generator import Asker
from seqrec.generator.topk import TopK
from seqrec.ranking.policy import Policy
from seqrec.shapes import UNKNOWN_TIME, EvalBatch, History

GENERATORS = Choice("generator", "generator", "generators")
ITEMS, ROWS, LENGTH = 12, 7, 6
CODES = ("embedding=codes", "embedding.codes=2", "embedding.size=4")
TABLE = pl.DataFrame(
    {
        "index": range(1, ITEMS + 1),
        "item": [f"i{n}" for n in range(ITEMS)],
        "kind": [f"k{n % 3}" for n in range(ITEMS)],
        "price": [float(n % 5) for n in range(ITEMS)],
    }
)
EVENTS = {
    "timestamp": EventFacts(),
    "dwell": EventFacts(mean=1.0, std=2.0),
    "device": EventFacts(categories=["phone", "tablet"]),
}
every = pytest.mark.parametrize("name", names("generator"))


def asker(generator, *, mask_seen: bool = True, denied: tuple[int, ...] = (3, 8)) -> Asker:
    """An untrained model of 12 items, two of which aren't candidates."""
    overrides = CODES if getattr(generator, "needs_codes", False) else ()
    torch.manual_seed(4)
    config = root("dim=8", f"max_length={LENGTH}", "context=events", *overrides)
    model = build_model(config, Facts(n_items=ITEMS, events=EVENTS, items=lambda: TABLE)).eval()
    for parameter in model.parameters():
        parameter.data *= 3  # scores that aren't all about the same
    candidate_V = torch.tensor([False] + [item not in denied for item in range(1, ITEMS + 1)])
    policy = Policy(candidate_V=candidate_V, mask_seen=mask_seen)
    return Asker(model, model.catalogue(), policy, LENGTH)


def batch(rows: int = ROWS, *, width: int = LENGTH, extra: int = 0) -> EvalBatch:
    """Histories of 1 .. 6 events with their columns, and seen items; `extra` more padding."""
    draw = torch.Generator().manual_seed(5)
    length_B = torch.arange(rows) % width + 1
    valid_BL = torch.arange(width + extra) < length_B[:, None]
    item_BL = torch.randint(1, ITEMS + 1, (rows, width), generator=draw)
    item_BL = torch.nn.functional.pad(item_BL, (0, extra)).masked_fill(~valid_BL, 0)
    row_P, at_P = valid_BL.nonzero(as_tuple=True)
    event = {
        "timestamp": torch.where(valid_BL, 1_700_000_000_000 + item_BL * 1000, UNKNOWN_TIME),
        "dwell": torch.where(valid_BL, item_BL / 4.0, math.nan),
        "device": (item_BL % 3).masked_fill(~valid_BL, 0),
    }
    asked_B = torch.full((rows,), 1_700_000_100_000)
    history = History(item_BL, length_B, torch.full((rows,), -1), event, asked_B)
    number_B = torch.arange(rows)
    return EvalBatch(history, number_B, item_BL[:, 0], None, row_P, item_BL[row_P, at_P])


def made(name: str):
    [generator] = GENERATORS.build(GENERATORS.settings_of([name], {})).values()
    return generator


@torch.no_grad()
def check_lists(generator):
    """No item twice, none that is forbidden; as many as are asked for, or all that are allowed."""
    for mask_seen in (True, False):
        asks, some = asker(generator, mask_seen=mask_seen), batch()
        allowed_BV = asks.policy.allowed(some, ITEMS + 1)
        for n in (1, 4, ITEMS + 3):
            item_Bn, score_Bn = generator(asks, some, n)
            assert item_Bn.shape == score_Bn.shape == (ROWS, n)
            assert (score_Bn.isfinite() == (item_Bn > 0)).all()
            for row, items in enumerate(item_Bn.tolist()):
                listed = [item for item in items if item]
                left = set(allowed_BV[row].nonzero().flatten().tolist())
                assert items[: len(listed)] == listed, "item 0 is at the end"
                assert len(listed) == len({*listed}) == min(n, len(left))
                assert {*listed} <= left


@torch.no_grad()
def check_alone(generator):
    """A list depends on its own history: not on padding, nor on the histories beside it."""
    asks, item_Bn = asker(generator), generator(asker(generator), batch(), 4)[0]
    assert torch.equal(generator(asks, batch(extra=3), 4)[0], item_Bn)
    assert torch.equal(generator(asks, batch(3), 4)[0], item_Bn[:3])


@torch.no_grad()
def check_state(generator):
    """The same question has the same answer, and torch's random numbers aren't touched."""
    asks, some = asker(generator), batch()
    before, state = some.history.item_BL.clone(), torch.get_rng_state()
    first, again = (generator(asks, some, 5) for _ in range(2))
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(some.history.item_BL, before)


@torch.no_grad()
def check_first(generator):
    """A list of one item is the best item, unless it is drawn."""
    asks, some = asker(generator), batch()
    if not hasattr(generator, "temperature"):
        assert torch.equal(generator(asks, some, 1)[0], TopK()(asks, some, 1)[0])


CHECKS = (check_lists, check_alone, check_state, check_first)


@every
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_generator_keeps_its_promises(name, check):
    check(made(name))


class Broken:
    """Changes the lists of a good one as its function does."""

    def __init__(self, change):
        self.change = change

    def __call__(self, asker, batch, n):
        return self.change(*TopK()(asker, batch, n), batch)


def _repeats(item_Bn, score_Bn, batch):
    return item_Bn[:, :1].expand_as(item_Bn), score_Bn


def _seen(item_Bn, score_Bn, batch):
    return torch.where(item_Bn > 0, batch.history.item_BL[:, :1], 0), score_Bn


def _of_the_batch(item_Bn, score_Bn, batch):
    return item_Bn.roll(len(item_Bn) - 3, 0), score_Bn


def _moody(item_Bn, score_Bn, batch):
    return item_Bn[:, torch.randperm(item_Bn.shape[1])], score_Bn


def _last_first(item_Bn, score_Bn, batch):
    return item_Bn + 1, score_Bn


@pytest.mark.parametrize(
    ("check", "change"),
    [
        (check_lists, _repeats),
        (check_lists, _seen),
        (check_alone, _of_the_batch),
        (check_state, _moody),
        (check_first, _last_first),
    ],
)
def test_a_broken_one_fails(check, change):
    with pytest.raises(AssertionError):
        check(Broken(change))
