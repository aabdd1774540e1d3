"""Compositional vectors: sums of what codes stand for, from features and from a run."""

import polars as pl
import pytest
import torch
from helpers.components import DIM, FACTS, ITEM_TABLE, ITEMS, history

from seqrec.embedding.codes import CodeEmbedding
from seqrec.errors import DataError


def embedding(**given):
    torch.manual_seed(0)
    facts = {name: FACTS[name] for name in ("n_items", "item_count_V", "items")}
    return CodeEmbedding(**{**facts, "dim": DIM, "codes": 3, "size": 4, **given})


def test_a_vector_is_the_sum_of_what_its_codes_stand_for():
    module = embedding(scale=False)
    given = history(torch.tensor([5, 2]))
    x_BLD, books = module(given), module.codebooks()
    for row, items in enumerate(given.item_BL.tolist()):
        for at, item in enumerate(items):
            codes = module.code_VC[item].tolist()
            whole = sum(books[level, code] for level, code in enumerate(codes))
            torch.testing.assert_close(x_BLD[row, at], whole if item else torch.zeros(DIM))
    torch.testing.assert_close(module.table()[given.item_BL], x_BLD)


def test_a_digit_keeps_items_apart_and_without_it_they_are_one():
    twins = ITEM_TABLE.with_columns(title=pl.lit("the same words"), brand=pl.lit("b"))
    given = {"items": lambda: twins, "features": ["brand"], "codes": 1, "size": 32}
    apart, one = embedding(**given), embedding(**given, digit=False)
    assert len(apart.code_VC[1:].unique(dim=0)) == ITEMS and apart.code_VC.shape[1] == 2
    assert len(one.code_VC[1:].unique(dim=0)) == 1 and one.code_VC.shape[1] == 1


def test_its_size_is_told(capsys):
    embedding()
    said = capsys.readouterr().err
    assert "codes: 3 of 4 values" in said and "kB instead of 0.7 kB for the table" in said


def test_an_item_without_events_has_the_codes_of_its_features_and_teaches_nothing():
    count_V = torch.arange(ITEMS + 1)
    count_V[7] = 0
    table = ITEM_TABLE.with_columns(
        title=pl.when(pl.col("index") == 7).then(pl.lit("the red number 0")).otherwise("title")
    )
    module = embedding(item_count_V=count_V, items=lambda: table, features=[{"title": "text"}])
    [like] = [i for i in range(1, 7) if table["title"][i - 1] == "the red number 0"][:1]
    assert torch.equal(module.code_VC[7, :3], module.code_VC[like, :3])
    module.train().table()[7].sum().backward()
    assert not module.weight_RD.grad.any()


def test_codes_come_back_from_a_checkpoint_without_the_items():
    module = embedding(by="product")
    other = embedding(by="product", items=None, item_count_V=None)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other.table(), module.table()) and other.code_VC.dtype == torch.uint8
    torch.testing.assert_close(module.frozen().table(), module.table())


def test_a_way_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="by=vq must be one of residual, product"):
        embedding(by="vq")


@pytest.mark.slow
def test_codes_of_a_finished_run_are_those_of_its_vectors(finished):
    run = finished("default").run
    items = pl.read_parquet(run / "catalogue.parquet").select("index", "item", "title")
    given = {"n_items": len(items), "item_count_V": None, "items": lambda: items}
    module = embedding(**given, run=str(run), codes=4, size=16, digit=False)
    assert len(module.code_VC.unique(dim=0)) > 0.9 * len(items)
    other = items.with_columns(item=pl.lit("x") + pl.col("item"))
    with pytest.raises(DataError, match="knows none of these items"):
        embedding(**{**given, "items": lambda: other}, run=str(run))
    with pytest.raises(DataError, match="no table of item vectors"):
        embedding(**given, run=str(finished("markov").run))
