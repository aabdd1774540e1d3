"""What every index promises, and that indices which break a promise are found out."""

from functools import partial

import numpy as np
import pytest
from helpers.components import names

from seqrec.config.choose import Choice
from seqrec.export.tables import in_int8
from seqrec.index import Allowed, Found, Tables, Wanted
from seqrec.index._bytes import ZERO, Products, _model
from seqrec.index.exact import Exact
from seqrec.index.int8_rescore import Int8Rescore
from seqrec.index.pruned import Pruned

INDICES = Choice("index", "index", "indices")
V, D, B = 3000, 16, 4
every = pytest.mark.parametrize("name", names("index"))


def tables(size: int = V, *, bias: bool = True) -> Tables:
    rng = np.random.default_rng(7)
    item_VD = rng.standard_normal((size, D), dtype=np.float32)
    item_VD[0] = 0
    bias_V = rng.standard_normal(size, dtype=np.float32) if bias else None
    return Tables(item_VD, bias_V, *in_int8(item_VD))


def queries(number: int = B) -> np.ndarray:
    return np.random.default_rng(8).standard_normal((number, D), dtype=np.float32)


def allowed(share: float = 1.0, size: int = V) -> Allowed:
    mask_V = np.random.default_rng(9).random(size) < share
    mask_V[0] = False
    return Allowed.of(mask_V)


def naive(given: Tables, query_D: np.ndarray, wanted: Wanted) -> list[int]:
    """The best items, by a sort of all scores."""
    score_V = given.item_VD @ query_D + (0 if given.bias_V is None else given.bias_V)
    score_V[~wanted.allowed.mask_V] = -np.inf
    score_V[wanted.without] = -np.inf
    best = np.argsort(-score_V, kind="stable")[: wanted.k]
    return [int(item) for item in best if score_V[item] > -np.inf]


def made(name: str, given: Tables):
    [index] = INDICES.build(INDICES.settings_of([name], {})).values()
    return index(tables=given)


def check_allowed(index, given: Tables):
    """Nothing is found that isn't allowed, or twice; fewer than k only if fewer are allowed."""
    for share in (1.0, 0.5, 0.01, 0.001, 0.0):
        among = allowed(share)
        without = np.flatnonzero(among.mask_V)[::2]
        for found in index.search(queries(), [Wanted(10, among, without)] * B):
            items = found.item_K.tolist()
            left = len(set(np.flatnonzero(among.mask_V)) - set(without))
            assert among.mask_V[items].all() and not set(items) & set(without.tolist())
            assert len(items) == len(set(items)) <= min(10, left)
            assert len(items) == min(10, left) or not index.exact


def check_scores(index, given: Tables):
    """Scores are those of the float32 table, best first."""
    for query_D, found in zip(
        queries(), index.search(queries(), [Wanted(9, allowed())] * B), strict=True
    ):
        np.testing.assert_allclose(
            found.score_K, given.scores_of(query_D, found.item_K), rtol=1e-5, atol=1e-5
        )
        assert (np.diff(found.score_K) <= 0).all()


def check_lists(index, given: Tables):
    """An exact index has the lists of a sort; another is near, and no filter makes it worse."""
    for share in (1.0, 0.3, 0.02):
        wanted = [Wanted(10, allowed(share), np.arange(50))] * 40
        hits = total = 0
        for query_D, found in zip(queries(40), index.search(queries(40), wanted), strict=True):
            expected = naive(given, query_D, wanted[0])
            hits, total = hits + len({*expected} & {*found.item_K.tolist()}), total + 10
            assert not index.exact or found.item_K.tolist() == expected
        assert hits / total >= 0.8


def check_alone(index, given: Tables):
    """What a query finds doesn't depend on the queries beside it."""
    wanted = [
        Wanted(k, allowed(share)) for k, share in ((3, 1.0), (10, 0.01), (5, 0.5), (V + 5, 1.0))
    ]
    together = index.search(queries(), wanted)
    for row, each in enumerate(wanted):
        [alone] = index.search(queries()[row : row + 1], [each])
        same = set(alone.item_K.tolist()) ^ set(together[row].item_K.tolist())
        assert len(same) <= 2 * (each.k > V), "but for items that tie within rounding"


CHECKS = [check_allowed, check_scores, check_lists, check_alone]


@every
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_an_index_keeps_its_promises(name, check):
    pytest.importorskip("faiss") if name == "ivf" else None
    given = tables()
    check(made(name, given), given)


class Broken(Exact):
    """An index that breaks one promise."""

    def __init__(self, promise, given):
        super().__init__(tables=given)
        self.promise = promise

    def search(self, query_BD, wanted):
        if self.promise is check_allowed:
            wanted = [Wanted(each.k, each.allowed) for each in wanted]  # seen items come again
        found = super().search(query_BD, wanted)
        if self.promise is check_scores:
            found = [Found(each.item_K, each.score_K + 1) for each in found]
        if self.promise is check_lists:
            found = [Found(each.item_K[::-1], each.score_K[::-1]) for each in found]
        if self.promise is check_alone:
            found = [found[0]] * len(found)
        return found


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_broken_index_is_found_out(check):
    given = tables()
    with pytest.raises(AssertionError):
        check(Broken(check, given), given)


@pytest.mark.parametrize("name", ["exact", "int8_rescore", "pruned"])
def test_ties_go_to_the_first_item_and_bad_scores_are_left_out(name):
    given = tables(200, bias=False)
    given.item_VD[:] = given.item_VD[1]
    given.code_VD[:], given.scale_V[:] = given.code_VD[1], given.scale_V[1]
    given.item_VD[3] = np.nan
    [found] = made(name, given).search(queries(1), [Wanted(5, allowed(size=200))])
    assert found.item_K.tolist() == [1, 2, 4, 5, 6]


@pytest.mark.parametrize("name", ["exact", "pruned"])
def test_scores_that_are_no_numbers_take_no_place_from_others(name):
    given = tables(bias=False)
    given.item_VD[5 : 5 + 20 * 100 : 100] = np.nan  # in twenty groups of a block
    wanted = Wanted(40, allowed(0.9))
    [query_D] = queries(1)
    sound = Tables(np.nan_to_num(given.item_VD, nan=0.0))
    among = wanted.allowed.mask_V & ~np.isnan(given.item_VD).any(1)
    expected = naive(sound, query_D, Wanted(40, Allowed.of(among)))
    [found] = made(name, given).search(query_D[None], [wanted])
    assert found.item_K.tolist() == expected


@pytest.mark.parametrize("name", ["exact", "int8_rescore", "pruned"])
def test_blocks_and_ties_across_them_change_nothing(name):
    rng = np.random.default_rng(1)
    item_VD = rng.integers(-2, 3, (150_000, 2)).astype(np.float32)
    given = Tables(item_VD, None, *in_int8(item_VD))
    query_BD = np.array([[1, 2], [0, 1], [-1, 1]], np.float32)
    wanted = [Wanted(12, allowed(0.4, 150_000), np.arange(1, 150_000, 7))] * 3
    for query_D, found, each in zip(
        query_BD, made(name, given).search(query_BD, wanted), wanted, strict=True
    ):
        assert found.item_K.tolist() == naive(given, query_D, each)


@pytest.mark.parametrize("bias", [True, False])
def test_items_that_a_bound_rules_out_are_never_in_the_list(bias):
    """Vectors with a few main directions, as trained ones have: few are scored, all lists exact."""
    rng = np.random.default_rng(2)
    item_VD = rng.standard_normal((60_000, 32), dtype=np.float32)
    item_VD *= 2.0 ** -np.arange(32, dtype=np.float32)
    item_VD = item_VD @ np.linalg.qr(rng.standard_normal((32, 32)))[0].astype(np.float32)
    bias_V = 0.1 * rng.standard_normal(60_000, dtype=np.float32) if bias else None
    given, query_BD = Tables(item_VD, bias_V), item_VD[rng.integers(60_000, size=12)]
    pruned = Pruned(tables=given, leading=8)
    for share in (1.0, 0.2):
        wanted = [Wanted(10, allowed(share, 60_000), np.arange(1, 60_000, 3))] * 12
        both = (index.search(query_BD, wanted) for index in (pruned, Exact(tables=given)))
        for found, expected in zip(*both, strict=True):
            assert found.item_K.tolist() == expected.item_K.tolist()
            np.testing.assert_allclose(found.score_K, expected.score_K, rtol=1e-5)
    assert pruned.bounded.scored < 0.1 * 2 * 12 * 60_000


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("index", [partial(Pruned, leading=5), Int8Rescore])
def test_a_bound_is_above_the_score_of_every_item(index, bias):
    given = tables(bias=bias)
    query_BD = np.concatenate([queries(), np.zeros((1, D), np.float32), 1e-30 * queries(1)])
    blocks = [np.stack(list(rows)) for _, rows in index(tables=given).blocks(query_BD)]
    assert (np.concatenate(blocks, axis=1) >= given.scores(query_BD, 0, V)).all()


def test_few_items_are_scored_beside_a_table_of_bytes():
    given = tables(100_000)
    index = Int8Rescore(tables=given)
    index.search(queries(), [Wanted(10, allowed(size=100_000))] * B)
    assert index.bounded.scored < 0.01 * B * 100_000


def test_products_of_bytes_are_those_of_integers():
    """At the ends of their ranges, too, where sums of two products of bytes can overflow."""
    code_WD = np.random.default_rng(3).integers(-127, 128, (77, 64)).astype(np.int8)
    code_WD[:2], code_WD[2] = 127, -127
    query_BD = np.random.default_rng(4).integers(1, 128, (5, 64)).astype(np.uint8)
    query_BD[0], query_BD[1] = 127, 1
    product_BW = Products(code_WD)(query_BD)
    assert (product_BW == (query_BD.astype(int) - ZERO) @ code_WD.T.astype(int)).all()


def test_the_model_of_a_product_is_sound_onnx():
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(_model(np.ones((300, 8), np.int8)))
    onnx.checker.check_model(model, full_check=True)
    assert [each.op_type for each in model.graph.node] == ["MatMulInteger"]
