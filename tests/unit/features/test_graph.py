"""Graphs of items: read, numbered, shuffled, and turned into vectors."""

import numpy as np
import polars as pl
import pytest
import torch
from helpers.components import DIM, ITEM_TABLE, ITEMS, component

from seqrec.errors import ConfigError, DataError
from seqrec.features.columns import encode_features
from seqrec.features.graph import Graph
from seqrec.features.knowledge import MODELS, complex_product, graph_vectors, train, transe

QUICK = {"dim": 8, "epochs": 30, "negatives": 4, "batch": 64}


def graph(**settings) -> Graph:
    return Graph(items=lambda: ITEM_TABLE, **settings)


def written(folder, text: str) -> str:
    file = folder / "triples.csv"
    file.write_text(text)
    return str(file)


def pairs(triples) -> list[tuple[int, int, int]]:
    return list(
        zip(
            triples.head_E.tolist(),
            triples.relation_E.tolist(),
            triples.tail_E.tolist(),
            strict=True,
        )
    )


# the graph ----------------------------------------------------------------------------------------


def test_columns_make_a_triple_for_each_value():
    triples = graph(columns=["genres"]).triples()
    assert triples.relations == ("has_genres",)
    assert triples.n_entities == ITEMS + 1 + 3  # the padding and the genres g0, g1, g2
    assert pairs(triples)[:3] == [(2, 0, ITEMS + 2), (3, 0, ITEMS + 3), (3, 0, ITEMS + 1)]
    known = [index for index in range(1, ITEMS + 1) if (index - 1) % 3]
    assert triples.known.nonzero().flatten().tolist() == known


def test_all_columns_are_those_of_categories():
    assert graph().triples().relations == ("has_brand", "has_genres")


def test_a_file_relates_items_to_items_and_to_other_things(tmp_path, capsys):
    path = written(
        tmp_path, "from,how,to\ni0,sequel,i1\ni1,by,Ann\ni0,sequel,i1\n,by,Bob\ni2,,Ann\n"
    )
    columns = {"head": "from", "relation": "how", "tail": "to"}
    with pytest.raises(DataError, match="malformed"):
        graph(path=path, **columns).triples()
    path = written(tmp_path, "from,how,to\ni0,sequel,i1\ni1,by,Ann\ni0,sequel,i1\ni2,,Ann\n")
    triples = graph(path=path, **columns).triples()
    assert pairs(triples) == [(1, 1, 2), (2, 0, ITEMS + 1)]
    assert triples.relations == ("by", "sequel")
    told = " ".join(capsys.readouterr().err.split())
    assert "left out 1 of 4 rows of triples.csv" in told
    assert "18 of 20 items occur in no triple of triples.csv, such as 'i2'" in told


def test_a_graph_that_knows_no_item_is_refused(tmp_path):
    path = written(tmp_path, "head,relation,tail\nx,by,Ann\n")
    with pytest.raises(DataError, match="none of the 20 items, such as 'i0', occurs"):
        graph(path=path).triples()


def test_a_missing_column_is_refused_by_name():
    with pytest.raises(ConfigError, match="no column of categories 'studio'"):
        graph(columns=["studio"]).triples()


def test_a_shuffled_graph_keeps_all_frequencies_and_little_else():
    true, random = graph().triples(), graph(shuffled=True).triples()
    assert torch.equal(true.head_E, random.head_E)
    assert torch.equal(true.relation_E, random.relation_E)
    for relation in range(2):
        of = true.relation_E == relation
        assert torch.equal(true.tail_E[of].sort().values, random.tail_E[of].sort().values)
    assert not torch.equal(true.tail_E, random.tail_E)
    assert torch.equal(random.tail_E, graph(shuffled=True).triples().tail_E)
    assert not torch.equal(random.tail_E, graph(shuffled=True, seed=1).triples().tail_E)


# vectors ------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_papers():
    h, r, t = torch.randn(3, 5, 6)
    want = [-np.linalg.norm((h + r - t)[row].numpy()) for row in range(5)]
    torch.testing.assert_close(transe(h, r, t), torch.tensor(want))
    h_c, r_c, t_c = (torch.complex(*each.chunk(2, dim=1)) for each in (h, r, t))
    torch.testing.assert_close(complex_product(h, r, t), (h_c * r_c * t_c.conj()).sum(1).real)


def test_complex_tells_a_direction_from_its_reverse():
    h, r, t = torch.randn(3, 1, 6)
    assert complex_product(h, r, t) != complex_product(t, r, h)


@pytest.mark.parametrize("model", MODELS)
def test_trained_vectors_prefer_true_triples(model):
    triples = graph().triples()
    settings = {"dim": 8, "epochs": 60, "lr": 0.1, "negatives": 4, "batch": 64}
    entity_XD, relation_RD = train(triples, model=model, **settings)
    score = MODELS[model][0]
    h, r = entity_XD[triples.head_E], relation_RD[triples.relation_E]
    true_E = score(h, r, entity_XD[triples.tail_E])
    others = range(ITEMS + 1, triples.n_entities)
    all_EX = torch.stack([score(h, r, entity_XD[x].expand_as(h)) for x in others], dim=1)
    assert (true_E[:, None] >= all_EX).float().mean() > 0.75  # half of them by chance
    assert not entity_XD[0].any() and entity_XD.isfinite().all()


@pytest.mark.parametrize("model", MODELS)
def test_vectors_are_a_function_of_graph_and_settings(model, tmp_path):
    state = torch.random.get_rng_state()
    first = graph_vectors(ITEM_TABLE, {"model": model, **QUICK})
    assert torch.equal(torch.random.get_rng_state(), state)
    assert first.shape == (ITEMS + 1, 8)
    nothing = [0, 4, 16]  # the padding, and items without brand and genre
    assert first.any(1).logical_not().nonzero().flatten().tolist() == nothing
    kept = graph_vectors(ITEM_TABLE, {"model": model, **QUICK}, str(tmp_path))
    [file] = tmp_path.glob("graph-*.npy")
    assert torch.equal(kept, first)
    file.write_bytes(b"torn")
    graph_vectors(ITEM_TABLE, {"model": model, **QUICK, "epochs": 31}, str(tmp_path))
    assert len(list(tmp_path.glob("graph-*.npy"))) == 2
    assert not torch.equal(
        graph_vectors(ITEM_TABLE, {"model": model, **QUICK, "seed": 1, "shuffled": True}), first
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"modle": "transe"}, "'modle' is no key"),
        ({"model": "rotate"}, "none of transe, complex"),
        ({"dim": 0}, "dim=0"),
        ({"lr": 0}, "lr=0"),
        ({"model": "complex", "dim": 7}, "dim=7 is odd"),
    ],
)
def test_bad_settings_are_refused(settings, told):
    with pytest.raises(ConfigError, match=told):
        graph_vectors(ITEM_TABLE, settings)


def test_a_graph_is_a_feature_of_the_items():
    [found] = encode_features(ITEM_TABLE, [{"kg": {"graph": QUICK}}], text_dim=4).values()
    assert torch.equal(found.value_VF, graph_vectors(ITEM_TABLE, QUICK))
    module = component("embedding", "features", features=["brand", {"kg": {"graph": QUICK}}])
    assert module.table().shape == (ITEMS + 1, DIM)


def test_ids_may_begin_small_and_features_large():
    module = component("embedding", "features", features=["brand"], std=1.0, id_std=0.0)
    assert not module.weight_VD.any()
    assert not torch.equal(module.table()[1], module.table()[2])
    with pytest.raises(ConfigError, match="id_std=-1"):
        component("embedding", "features", features=["brand"], id_std=-1)
    assert pl.Series(module.table()[:, 0].tolist()).n_unique() <= 4  # brands, and none
