"""A model under noise of the vectors of its events."""

import pytest
import torch
from helpers.experiments import root, steps, store_of

from seqrec.errors import ConfigError
from seqrec.evaluation.noise import evaluate_with_noise
from seqrec.experiment.assemble import build_experiment

SMALL = ("data.n_users=80", "data.n_items=20", "data.length=12", "batch.size=20")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root(*SMALL), tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def trained(store):
    torch.manual_seed(0)
    experiment = build_experiment(root(*SMALL), store)
    steps(experiment, 40)
    return experiment.eval()


def ndcg(experiment, size: float, way: str) -> float:
    batches = experiment.eval_batches(experiment.splits.test)
    results = evaluate_with_noise(
        experiment.model, experiment.judge, batches, size=size, way=way, loss=experiment.loss
    )
    return results["ndcg@10"]


def clean(experiment) -> float:
    with torch.no_grad():
        for batch in experiment.eval_batches(experiment.splits.test):
            experiment._rank(batch)
    return experiment.judge.results()["ndcg@10"]


def test_noise_of_no_size_is_none(trained):
    assert ndcg(trained, 0.0, "random") == ndcg(trained, 0.0, "worst") == clean(trained)


def test_the_worst_noise_hurts_more_than_as_much_in_random_directions(trained):
    assert ndcg(trained, 0.1, "worst") < ndcg(trained, 0.1, "random")
    assert ndcg(trained, 0.3, "worst") < ndcg(trained, 0.1, "worst")


def test_the_same_noise_is_drawn_again(trained):
    assert ndcg(trained, 2.0, "random") == ndcg(trained, 2.0, "random") != clean(trained)


def test_the_worst_noise_of_scores_that_are_no_products_is_refused(store):
    pairs = ("scorer=ncf", "loss=bpr", "head=last")
    with pytest.raises(ConfigError, match="scorer=NCF"):
        ndcg(build_experiment(root(*SMALL, *pairs), store), 0.1, "worst")
