"""Every combination trains; what is planted is found; nothing depends on how it is batched."""

import dataclasses
import itertools

import pytest
import torch
from components import names, node
from experiments import batches, root, steps, store_of

from seqrec.batches import EvalBatches
from seqrec.build import build_source
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.module import Experiment
from seqrec.ranking.metrics import RankingMetrics
from seqrec.ranking.rank import rank_targets
from seqrec.types import EvalBatch, TrainBatch


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A store of 40 planted users."""
    config = root("data.n_users=40", "data.n_items=30", "data.length=14")
    return store_of(config, tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize("encoder", names("encoder"))
@pytest.mark.parametrize("head", names("head"))
def test_every_cell_trains(small, encoder, head):
    """Encoder x head x scorer x loss: the loss of a batch falls, and nothing is ever NaN."""
    config = dataclasses.replace(root(), encoder=node("encoder", encoder), head=node("head", head))
    for scorer, loss in itertools.product(names("scorer"), names("loss")):
        config = dataclasses.replace(config, scorer=node("scorer", scorer), loss=node("loss", loss))
        experiment = build_experiment(config, small)
        batch = next(iter(batches(experiment)))
        optimizer = torch.optim.Adam(experiment.parameters(), lr=0.003)
        losses = []
        for _ in range(4):
            torch.manual_seed(0)  # the same negatives, and the same dropout masks
            value, _ = experiment.batch_loss(batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
        assert losses[-1] < losses[0], f"{encoder} x {head} x {scorer} x {loss}: {losses}"


@pytest.mark.parametrize("model", names("model"))
def test_every_model_of_the_catalogue_trains(small, model):
    losses = steps(build_experiment(root(f"model={model}"), small), 6)
    assert losses[-1] < losses[0]


def test_one_batch_is_learned_by_heart(small):
    experiment = build_experiment(root("dim=32", "model=lstm_attn"), small)
    losses = steps(experiment, 150, lr=0.02)
    assert losses[-1] < 0.35 * losses[0]


def ranks(experiment: Experiment, size: int) -> dict[str, float]:
    """Test metrics, evaluated in batches of `size`."""
    experiment.eval()
    metrics = RankingMetrics(
        gains=experiment.ranking.gains,
        ks=[1, 5],
        n_items=experiment.store.n_items,
        n_candidates=experiment.store.n_items,
    )
    view = experiment.splits.test
    loader = EvalBatches(store=experiment.store, view=view, max_length=20, size=size)
    with torch.no_grad():
        for batch in loader:
            query = experiment.model.query(batch.item_BL, batch.length_B)
            metrics.update(rank_targets(query, experiment.model.catalogue(), batch.target_B, k=5))
    return metrics.compute()


def test_attention_finds_the_item_that_decides(tmp_path):
    """Bare item vectors with positions, and one head on top: only its attention can look back."""
    distance, length = 4, 14
    config = root(
        "data.n_users=3000", "data.n_items=20", f"data.length={length}", "data.markov=0.0",
        f"data.distance={distance}", "data.noise=0.0", "dim=32",
        "encoder=transformer", "encoder.layers=0", "encoder.positions=end",
        "head=multihead", "head.heads=1", "seed=1",
    )  # fmt: skip
    store = store_of(config, tmp_path)
    experiment = build_experiment(config, store)
    best = build_source(config).best_hit_rate_at_1
    steps(experiment, 24 * 40, lr=0.005)
    reached = ranks(experiment, 500)["hit_rate@1"]
    assert reached > 0.9 * best
    batch = next(iter(EvalBatches(
        store=store, view=experiment.splits.test, max_length=20, size=200
    )))  # fmt: skip
    alpha = experiment.model.attention(batch.item_BL, batch.length_B)
    looked_at = batch.length_B - 1 - alpha.argmax(dim=1)
    assert (looked_at == distance - 1).float().mean() > 0.9


def test_metrics_do_not_move_with_the_batch_size(small):
    experiment = build_experiment(root("model=gru_attn"), small)
    steps(experiment, 5)
    assert ranks(experiment, 1) == ranks(experiment, 7) == ranks(experiment, 1000)


def test_an_epoch_has_every_event_once_and_the_same_order_anywhere(small):
    experiment = build_experiment(root("batch.size=7"), small)
    view = experiment.splits.train
    seen, sizes = [], []
    for batch in batches(experiment, epoch=3):
        sizes.append(len(batch.length_B))
        for row, length in enumerate(batch.length_B.tolist()):
            inputs, targets = batch.item_BL[row], batch.target_BL[row]
            assert torch.equal(inputs[1:length], targets[: length - 1])
            assert (inputs[length:] == 0).all() and (targets[length:] == 0).all()
            seen.append((*inputs[:length].tolist(), targets[length - 1].item()))
    wanted = [tuple(small.item[s:e].tolist()) for s, e in zip(view.start, view.end, strict=True)]
    assert sorted(seen) == sorted(wanted)
    again = [b.item_BL for b in batches(experiment, epoch=3)]
    assert all(map(torch.equal, again, [b.item_BL for b in batches(experiment, epoch=3)]))
    assert not torch.equal(again[0], next(iter(batches(experiment, epoch=4))).item_BL)


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_an_epoch_without_overlap(small, world):
    experiment = build_experiment(root("batch.size=7"), small)
    loader = batches(experiment)
    parts = []
    for rank in range(world):
        loader.rank, loader.world = rank, world
        parts.append([row for b in loader for row in b.item_BL.tolist()])
        assert len(list(loader)) == len(loader)
    together = [tuple(i for i in row if i) for part in parts for row in part]
    loader.rank, loader.world = 0, 1
    alone = [tuple(i for i in row if i) for b in loader for row in b.item_BL.tolist()]
    assert set(together) == set(alone)
    assert len(together) <= len(alone) + world - 1
    whole, shared = set(), []
    view = experiment.splits.test
    for rank in range(world):
        evaluation = EvalBatches(
            store=small, view=view, max_length=5, size=4, rank=rank, world=world
        )
        shared += [user for batch in evaluation for user in batch.user_B.tolist()]
        whole |= set(shared)
    assert sorted(shared) == sorted(whole) == sorted(view.user.tolist())


def test_evaluation_sees_the_latest_items_and_masks_the_whole_history(small):
    experiment = build_experiment(root(), small)
    view = experiment.splits.test
    for batch in EvalBatches(store=small, view=view, max_length=5, size=16):
        assert isinstance(batch, EvalBatch)
        for row, user in enumerate(batch.user_B.tolist()):
            at = view.user.tolist().index(user)
            history = small.item[view.start[at] : view.end[at]].tolist()
            assert batch.item_BL[row].tolist() == history[-5:]
            assert batch.target_B[row].item() == small.item[view.end[at]]
            assert batch.seen_item_P[batch.seen_row_P == row].tolist() == history


def test_batches_move_as_one():
    batch = TrainBatch(
        torch.zeros(1, 2).long(), torch.ones(1).long(), torch.zeros(1, 2).long(), None
    )
    moved = batch.to("meta")
    assert moved.item_BL.device.type == "meta" and moved.rating_BL is None
