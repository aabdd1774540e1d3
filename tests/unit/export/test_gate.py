"""The gate: what agrees passes, what doesn't is refused with the worst of it."""

import numpy as np
import pytest
import torch
from helpers.bundles import opened, recommender, write

from seqrec.bundle.agree import Answers, K, answered, compared, ndcg
from seqrec.bundle.requests import parts_of
from seqrec.errors import RunError
from seqrec.export.gate import check_passed, worst_of
from seqrec.export.int8 import Scaled, judged, listed
from seqrec.export.tables import in_int8
from seqrec.recommend import Session

SESSIONS = [Session([f"i{n}", f"i{n + 1}"]) for n in range(20)]
TARGETS = np.arange(2, 22)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    asks = recommender()
    return opened(asks, write(asks, tmp_path_factory.mktemp("gate") / "bundle"))


@pytest.fixture(scope="module")
def answers(bundle):
    return answered(bundle, bundle.batcher(SESSIONS), TARGETS)


def changed(answers, **changes):
    return Answers(**{**vars(answers), **changes})


def test_the_same_answers_agree(bundle, answers):
    found = compared(bundle, answers, answers)
    assert found.agrees
    assert found.summary()[f"top{K}"] == {"equal": 20, "ties": 0, "different": 0}
    check_passed(found, {"passed": found.agrees}, [])


def test_queries_that_are_apart_by_more_than_rounding_are_refused(bundle, answers):
    query_BD = answers.query_BD.copy()
    query_BD[3] *= 1 + 1e-4
    found = compared(bundle, answers, changed(answers, query_BD=query_BD))
    assert np.flatnonzero(found.bad).tolist() == [3]
    names = [f"user u{at}" for at in worst_of(found).tolist()]
    with pytest.raises(RunError, match="1 of 20 requests differ") as raised:
        check_passed(found, {"passed": found.agrees}, names)
    assert "user u3" in str(raised.value)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda a: {"query_BD": np.where(np.arange(20)[:, None] == 1, np.nan, a.query_BD)},
        lambda a: {"item_BK": a.item_BK[:, ::-1]},
        lambda a: {"item_BK": np.where(np.arange(K) == K - 1, 0, a.item_BK)},
        lambda a: {"rank_B": np.full(20, 1)},
        lambda a: {"attention": [row[:-1] for row in a.attention]},
        lambda a: {"attention": [row + 0.01 for row in a.attention]},
    ],
)
def test_whatever_differs_is_noticed(spoil, bundle, answers):
    assert not compared(bundle, answers, changed(answers, **spoil(answers))).agrees


def test_ties_may_be_in_any_order(tmp_path):
    asks = recommender()
    with torch.no_grad():
        asks.model.embedding.weight_VD[12] = asks.model.embedding.weight_VD[11]
    bundle = opened(asks, write(asks, tmp_path / "bundle"))
    own = answered(bundle, bundle.batcher(SESSIONS), TARGETS)
    swap = np.arange(31)
    swap[[11, 12]] = 12, 11
    found = compared(bundle, changed(own, item_BK=swap[own.item_BK]), own)
    assert found.agrees
    assert found.tied_B.any()


def test_int8_is_within_half_a_step_of_each_row(bundle):
    table_VD = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    table_VD[3] *= 1000  # which would make the others coarse if they shared its scale
    table_VD[4] = 0
    code_VD, scale_V = in_int8(table_VD)
    read_VD = Scaled(code_VD, scale_V)[0:50]
    assert (np.abs(read_VD - table_VD) <= scale_V[:, None] * 0.501).all()
    assert np.abs(code_VD).max() == 127


def test_items_found_in_int8_and_scored_again_are_the_exact_ones(bundle, answers):
    batch = bundle.batcher(SESSIONS)
    part = listed(bundle, batch, answers.query_BD, answers.item_BK, TARGETS)
    told = judged([part], {"some": np.arange(20) < 15})
    assert told["passed"]
    assert told[f"overlap@{K}"]["mean"] == 1


def test_an_int8_table_that_loses_a_slice_is_refused(bundle, answers):
    part = listed(bundle, bundle.batcher(SESSIONS * 10), answers.query_BD.repeat(10, 0), *(
        answers.item_BK.repeat(10, 0), TARGETS.repeat(10)))  # fmt: skip
    exact_R = np.where(np.arange(200) < 60, 3, 1)
    part = type(part)(part.overlap_B, part.alone_B, exact_R, np.where(exact_R == 3, 4, exact_R))
    small, large = np.arange(200) < 49, np.arange(200) < 60
    assert judged([part], {"too small": small})["worst slice"] is None
    told = judged([part], {"late": large})
    assert told["worst slice"]["slice"] == "late"
    assert not told["passed"]


def test_gains_are_those_of_the_metric():
    np.testing.assert_allclose(ndcg(np.array([1, 2, 10, 11])), [1, 0.63093, 0.28906, 0], rtol=1e-4)


def test_batches_are_of_one_two_seventeen_and_sixty_four():
    sizes = [at.stop - at.start for at in parts_of(100)]
    assert sizes == [1, 2, 17, 64, 1, 2, 13]
