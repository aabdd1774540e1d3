"""What every growth promises, and that one which breaks a promise is found out."""

from dataclasses import replace

import polars as pl
import pytest
import torch
from helpers.components import component, names

from seqrec.contracts import Fresh

every = pytest.mark.parametrize("name", names("growth"))
KNOWN, NEW = 12, 4
ITEMS = pl.DataFrame(
    {
        "index": range(1, KNOWN + NEW + 1),
        "item": [f"i{n}" for n in range(KNOWN + NEW)],
        "title": [None] * (KNOWN + NEW),
        "kind": [f"k{n % 3}" if n != 15 else "unheard of" for n in range(KNOWN + NEW)],
        "genres": [[f"g{n % 2}", "all"] if n != 15 else None for n in range(KNOWN + NEW)],
        "price": [float(n) for n in range(KNOWN + NEW)],
    }
)


def fresh():
    """Four new items, the last of which nobody has met and which is like no other."""
    known_V = torch.zeros(KNOWN + NEW + 1, dtype=torch.bool)
    known_V[1 : KNOWN + 1] = True
    item_E = torch.tensor([1, 2, 13, 3, 14, 4, 13, 15, 5, 16, 6, 7])
    user_E = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 3])
    return Fresh(torch.arange(KNOWN + 1, KNOWN + NEW + 1), known_V, item_E, user_E, lambda: ITEMS)


def table(*inner):
    """A table of known rows; those of new items are nobody's business."""
    rows = torch.randn(KNOWN + NEW + 1, *inner)
    rows[0] = 0
    rows[KNOWN + 1 :] = float("nan")
    return rows


def check_rows(growth):
    """A finite row for each new item, of tables and of biases."""
    for inner in ((8,), ()):
        assert growth(table(*inner), fresh()).shape == (NEW, *inner)
        assert growth(table(*inner), fresh()).isfinite().all()


def check_known_rows(growth):
    """Known rows, the facts and the random numbers are left as they were."""
    rows, about, state = table(8), fresh(), torch.get_rng_state()
    before = rows.clone()
    growth(rows, about)
    torch.testing.assert_close(rows, before, equal_nan=True, rtol=0, atol=0)
    for name in ("item_N", "known_V", "item_E", "user_E"):
        assert torch.equal(getattr(about, name), getattr(fresh(), name))
    assert torch.equal(torch.get_rng_state(), state)


def check_scale(growth):
    """Rows are made of rows: twice as long ones give rows twice as long."""
    rows = table(8)
    torch.testing.assert_close(growth(2 * rows, fresh()), 2 * growth(rows, fresh()))


def check_order(growth):
    """The order in which new items are named changes nothing."""
    rows, about = table(8), fresh()
    turned = replace(about, item_N=about.item_N.flip(0))
    torch.testing.assert_close(growth(rows, turned), growth(rows, about).flip(0))


CHECKS = (check_rows, check_known_rows, check_scale, check_order)


@every
@pytest.mark.parametrize("check", CHECKS)
def test_contract(name, check):
    check(component("growth", name))


class Broken:
    """Makes rows as its function does."""

    def __init__(self, make):
        self.make = make

    def __call__(self, table_VD, fresh):
        return self.make(table_VD, fresh)


def _overwrite(table_VD, fresh):
    table_VD[1] = 0
    return table_VD[fresh.item_N * 0 + 1]


@pytest.mark.parametrize(
    ("check", "make"),
    [
        (check_rows, lambda table, fresh: table[fresh.item_N]),
        (check_rows, lambda table, fresh: table[1:2]),
        (check_known_rows, _overwrite),
        (check_scale, lambda table, fresh: torch.ones(NEW, *table.shape[1:])),
        (check_order, lambda table, fresh: table[1 : NEW + 1]),
    ],
)
def test_a_broken_one_fails(check, make):
    with pytest.raises(AssertionError):
        check(Broken(make))


# each in particular


def test_neighbours_count_by_how_near_they_are():
    rows = torch.arange(KNOWN + NEW + 1.0)
    found = component("growth", "neighbours", reach=2)(rows, fresh())
    # 13 has 1 two before, 2 next to it, 3 next to it; and 4 next to it, 5 two behind
    assert found[0] == pytest.approx((0.5 * 1 + 2 + 3 + 4 + 0.5 * 5) / 4)
    assert found[3] == rows[1 : KNOWN + 1].mean()  # alone in its history: of all
    assert component("growth", "neighbours", reach=1)(rows, fresh())[1] == 3


def test_features_are_means_over_the_items_that_share_them():
    rows = torch.arange(KNOWN + NEW + 1.0)
    found = component("growth", "features", columns=["kind"])(rows, fresh())
    assert found[0] == rows[[1, 4, 7, 10]].mean() and found[1] == rows[[2, 5, 8, 11]].mean()
    assert found[3] == rows[1 : KNOWN + 1].mean()  # what nobody else has says nothing


def test_features_that_are_not_there_are_refused():
    from seqrec.errors import DataError

    with pytest.raises(DataError, match="no column 'colour'") as refused:
        component("growth", "features", columns=["colour"])(table(8), fresh())
    assert "columns='[kind, genres]'" in str(refused.value)
    bare = replace(fresh(), items=lambda: ITEMS.select("index", "item", "title"))
    with pytest.raises(DataError, match="no column of categories"):
        component("growth", "features")(table(8), bare)
