"""What is captured is the model, and what can't be is refused by name."""

from concurrent.futures import ProcessPoolExecutor

import pytest
import torch
from helpers.apart import ready
from helpers.bundles import recommender
from helpers.cells import ITEMS, arguments, cells, compare
from helpers.components import component
from helpers.experiments import root

from seqrec.build import build_baseline, build_model
from seqrec.errors import ConfigError, RunError
from seqrec.export.formats import format_of
from seqrec.export.graph import Graph, exportable, frozen
from seqrec.export.pt2 import check_archive
from seqrec.facts import Facts
from seqrec.layers.times import DAY, HOUR, codes

MASKED = ("objective=masked_item", "encoder=transformer", "encoder.causal=false", "head=last")


@pytest.mark.parametrize(
    "overrides", [("encoder=gru",), ("context=events",), ("embedding=user",), MASKED]
)
def test_a_model_as_it_is_captured_answers_as_it_did(overrides):
    model = recommender(*overrides).model
    given = (torch.randint(1, 30, (4, 9)), torch.tensor([9, 1, 4, 7]), torch.arange(4))
    given = (*given, torch.full((4,), 10**12), arguments(4, 9, model.wanted)[4])
    for own, captured in zip(Graph(model)(*given), Graph(frozen(model))(*given), strict=True):
        torch.testing.assert_close(own, captured)


@pytest.mark.parametrize("join", ["concat", "sum", "gate"])
def test_an_embedding_of_features_in_one_table_gives_the_same_vectors(join):
    embedding = component("embedding", "features", join=join).eval()
    for value in embedding.parameters():
        torch.nn.init.normal_(value)
    history = arguments(3, 6, ())[0] % 20
    given = type("H", (), {"item_BL": history})()
    torch.testing.assert_close(embedding.frozen()(given), embedding(given))


def test_scores_that_are_no_products_are_refused_by_name():
    config = root("model=ncf")
    model = build_model(config, Facts(n_items=ITEMS, n_users=3))
    with pytest.raises(ConfigError, match="NCF aren't products") as raised:
        exportable(model)
    assert "scorer=tied" in str(raised.value)
    counted = build_baseline(root("model=item_knn"), Facts(n_items=ITEMS))
    with pytest.raises(ConfigError, match="ItemKNN is a baseline"):
        exportable(counted)


def test_a_missing_package_is_named_with_how_to_install_it(monkeypatch):
    monkeypatch.setattr("seqrec.export.formats.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs the package onnx") as raised:
        format_of("onnx")
    assert "[export]" in str(raised.value)


@pytest.mark.parametrize("member", ["m/data/sample_inputs/model.pt", "m/data/aotinductor/x.so"])
def test_an_archive_with_a_pickle_or_a_program_is_refused(member, tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "model.pt2", "w") as archive:
        archive.writestr("m/models/model.json", "{}")
    check_archive(tmp_path / "model.pt2")
    with zipfile.ZipFile(tmp_path / "model.pt2", "a") as archive:
        archive.writestr(member, b"cposix\nsystem\n")
    with pytest.raises(RunError, match=member):
        check_archive(tmp_path / "model.pt2")


def test_cells_have_every_pair_of_encoder_head_and_scorer():
    assert len(set(cells())) == len(cells())
    kinds = [set(cell[:3]) for cell in cells()]
    assert {"encoder=gru", "head=multihead", "scorer=mlp"} in kinds


def test_codes_of_times_are_exact_at_every_edge():
    first = 11_583 * DAY  # a Tuesday in 2001
    time_BL = torch.tensor([[first - 1, first, first + HOUR - 1, first + 8_191_000]])
    before_BL = torch.tensor([[first, first - 1000, first, first]])
    known = {"hour": [24, 1, 1, 3], "weekday": [1, 2, 2, 2], "gap": [1, 2, 12, 14]}
    for name, wanted in known.items():
        assert codes(name, time_BL, before_BL).tolist() == [wanted]


@pytest.mark.slow
@pytest.mark.parametrize(
    "cell",
    [
        ("encoder=lstm", "head=multihead", "scorer=cosine", "context=events"),
        (*MASKED, "context=events", "context.target_time=true"),
    ],
)
def test_a_captured_model_answers_as_the_model_at_other_lengths(cell, tmp_path):
    with ProcessPoolExecutor(max_workers=1, mp_context=ready()) as pool:  # has captured nothing
        assert pool.submit(compare, cell, tmp_path).result() < 1e-5
