"""What a model, a run and a job's folder are called."""

import pytest
from helpers.commands import composed

from seqrec.config.compose import compose
from seqrec.config.names import folder_name, run_name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "name"),
    [
        ([], "lstm_attn"),
        (["model=sasrec", "loss=bce", "optimizer=sgd"], "sasrec"),
        (["encoder=lstm"], "lstm_attn"),  # as the model's file has it
        (["encoder=gru"], "gru_additive"),
        (["model=sasrec", "head=mean", "encoder=gru"], "gru_mean"),
        (["model=narm", "embedding=features"], "narm"),
        (["model=popularity"], "popularity"),
        (["baseline=item_knn"], "item_knn"),
        (["experiment=ml1m_sasrec"], "sasrec"),
        (["experiment=ml1m_sasrec", "head=additive"], "transformer_additive"),
    ],
)
def test_a_model_is_called_by_its_file_or_by_what_was_chosen_instead(given, name):
    made = compose(given)
    assert made.choices["model"] == name
    assert made.run_dir.parent.name == name


def test_a_model_of_ones_own_is_called_by_its_file_too(tmp_path):
    (tmp_path / "model").mkdir()
    text = "# @package _global_\ndefaults:\n  - override /encoder: gru\n  - override /head: mean\n"
    (tmp_path / "model" / "mine.yaml").write_text(text)
    given = [f"hydra.searchpath=[file://{tmp_path}]", "model=mine"]
    assert composed(*given)[1]["model"] == "mine"
    assert composed(*given, "head=last")[1]["model"] == "gru_last"


def test_a_run_is_named_by_its_model_and_what_was_typed_beside_it():
    given = ["model=sasrec", "data=amazon", "loss=gbce", "seed=3", "trainer=cpu", "logger=csv",
             "tags=[a]", "paths.output_dir=there", "data.path=x.csv", "+logger.project=p",
             "trainer.progress=false", "batch.eval_size=9", "+optimizer.eps=1e-6"]  # fmt: skip
    choices = {"model": "sasrec", "encoder": "transformer", "head": "last"}
    name = "sasrec loss=gbce batch.eval_size=9 +optimizer.eps=1e-6 seed=3"
    assert run_name(choices, given, seed=3) == name
    parts = {"model": "gru_last", "encoder": "gru", "head": "last"}
    typed = ["encoder=gru", "head=last", "loss=hinge"]
    assert run_name(parts, typed, seed=1) == "gru_last loss=hinge seed=1"


def test_the_folder_of_a_job_is_named_by_what_makes_it_another():
    given = ["seed=2", "encoder=gru", "tags=[a/b]", "paths.cache_dir=/there", "data.raw_dir=/x y",
             "rerun=true", "logger=csv", "'metric=[ndcg, mrr]'"]  # fmt: skip
    assert folder_name(given[:-1]) == "encoder-gru_seed-2"
    assert folder_name(["metric=[ndcg, mrr]"]) == "metric-ndcg-mrr-"
    assert folder_name([*given, "data.path=a b.csv"], ["data.path"]) == "data.path-a-b.csv"
    assert len(folder_name([f"evaluation.ks=[{'1,' * 200}]"])) == 120
