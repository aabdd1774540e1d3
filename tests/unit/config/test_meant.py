"""What a name that doesn't exist was meant to be."""

import pytest
from helpers.commands import told


@pytest.mark.parametrize(
    "typed, likely",
    [
        ("epochs=3", "trainer.max_epochs"),
        ("train.epochs=3", "trainer.max_epochs"),
        ("learning_rate=0.1", "optimizer.lr"),
        ("train_batch_size=3", "batch.size"),
        ("num_negatives=3", "negatives.num"),
        ("embedding_dim=3", "embedding.dim"),
        ("n_layers=2", "encoder.layers"),
        ("hidden_size=3", "encoder.hidden or head.hidden"),
        ("MAX_ITEM_LIST_LENGTH=3", "max_length"),
        ("device=cpu", "trainer.devices"),
        ("precision=16", "trainer.precision"),
        ("model.dim=3", "dim"),
        ("evaluation.k=3", "evaluation.ks"),
        ("loss=ce", "loss=cross_entropy"),
        ("split=loo", "split=leave_one_out"),
        ("data=ml-1m", "data=movielens_1m"),
    ],
)
def test_names_of_other_libraries_lead_to_those_here(typed, likely):
    assert f"did you mean {likely}?" in told(typed)


def test_an_option_with_dashes_is_a_key_without():
    assert "--epochs=3: no such option; keys are written without dashes" in told("--epochs=3")
    assert "--model: no such option" in told("--model", "sasrec")


def test_a_list_is_told_from_several_choices():
    assert "try each with -m model=sasrec,gru4rec" in told("model=[sasrec,gru4rec]")
    assert "write a list" not in told("model=sasrec,gru4rec")
    assert "evaluation.ks: must be a list, as [a,b]" in told("evaluation.ks=10")
