"""Every model trains; what is planted is found; nothing depends on how it is batched."""

import dataclasses

import numpy as np
import pytest
import torch
from helpers.components import trained_models
from helpers.experiments import root, steps, store_of

from seqrec import batches as module_of_batches
from seqrec.batches import EvalBatches, TrainBatches
from seqrec.build import build_source
from seqrec.columns import Columns
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.ranking.metrics import RankingMetrics
from seqrec.ranking.rank import rank_targets
from seqrec.shapes import EvalBatch, History, TrainBatch
from seqrec.split.leave_one_out import LeaveOneOut
from seqrec.training.module import TrainedModule
from seqrec.window.last import Last
from seqrec.window.prefixes import Prefixes
from seqrec.window.sliding import Sliding


@pytest.mark.slow
@pytest.mark.parametrize("model", trained_models())
def test_every_model_of_the_catalogue_trains(small, model):
    losses = steps(build_experiment(root(f"model={model}"), small), 6)
    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_one_batch_is_learned_by_heart(small):
    experiment = build_experiment(root("dim=32", "model=lstm_attn"), small)
    losses = steps(experiment, 150, lr=0.02)
    assert losses[-1] < 0.35 * losses[0]


def ranks(experiment: TrainedModule, size: int) -> dict[str, float]:
    """Test metrics, evaluated in batches of `size`."""
    experiment.eval()
    metrics = RankingMetrics(
        gains=experiment.judge.ranking.gains,
        ks=[1, 5],
        item_count_V=experiment.facts.item_count_V,
        n_candidates=experiment.store.n_items,
    )
    view = experiment.splits.test
    loader = EvalBatches(columns=experiment.columns, view=view, max_length=20, size=size)
    with torch.no_grad():
        for batch in loader:
            query = experiment.model.query(batch.history)
            metrics.update(rank_targets(query, experiment.model.catalogue(), batch.target_B, k=5))
    return metrics.compute()


@pytest.mark.slow
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
    steps(experiment, 24 * 12, lr=0.005)
    reached = ranks(experiment, 500)["hit_rate@1"]
    assert reached > 0.9 * best
    batch = next(iter(EvalBatches(
        columns=experiment.columns, view=experiment.splits.test, max_length=20, size=200
    )))  # fmt: skip
    alpha = experiment.model.attention(batch.history)
    looked_at = batch.history.length_B - 1 - alpha.argmax(dim=1)
    assert (looked_at == distance - 1).float().mean() > 0.9


@pytest.mark.parametrize("model", ["sasrec", "lstm_attn"])
def test_a_model_is_judged_in_float32_in_any_precision(small, model):
    module = build_experiment(root(f"model={model}"), small).eval()

    def judged():
        for batch in module.eval_batches(module.splits.test):
            module.test_step(batch, 0)
            module.validation_step(batch, 0)
        return module.judge.tested(), module.valid_loss.compute()

    with torch.no_grad():
        plain, plain_loss = judged()
        module.valid_loss.reset()
        with torch.autocast("cpu", torch.bfloat16):
            tested, loss = judged()
    assert np.array_equal(tested.rank_R, plain.rank_R) and loss == plain_loss
    assert np.array_equal(tested.top_RK, plain.top_RK)


def test_metrics_do_not_move_with_the_batch_size(small):
    experiment = build_experiment(root("model=gru_attn"), small)
    steps(experiment, 5)
    assert ranks(experiment, 1) == ranks(experiment, 7) == ranks(experiment, 1000)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A store of users with 3 to 60 events."""
    folder = tmp_path_factory.mktemp("uneven")
    lengths = [3 + 57 * user // 89 for user in range(90)]
    events = ((user, t) for user, length in enumerate(lengths) for t in range(length))
    rows = [f"{user},{(user * 7 + t) % 40},{t}" for user, t in events]
    (folder / "e.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(rows))
    config = root("data=files", f"data.path={folder / 'e.csv'}", "prepare.k_core=0")
    return store_of(config, folder)


def columns(store) -> Columns:
    return Columns(store, torch.device("cpu"), ratings=False)


def one_epoch(store, *, epoch=0, size=8, window=None, max_length=100, **shared):
    return TrainBatches(
        columns=columns(store),
        view=LeaveOneOut()(store).train,
        window=window or Last(),
        max_length=max_length,
        size=size,
        seed=1,
        epoch=epoch,
        **shared,
    )


def sequences(loader) -> list[tuple[int, ...]]:
    """Inputs and last target of each row that counts."""
    rows = []
    for batch in loader:
        for row, length in enumerate(batch.history.length_B.tolist()):
            inputs, targets = batch.history.item_BL[row], batch.target_BL[row]
            assert torch.equal(inputs[1:length], targets[: length - 1])
            assert (inputs[length:] == 0).all() and (targets[length:] == 0).all()
            if batch.weight:
                rows.append((*inputs[:length].tolist(), targets[length - 1].item()))
    return sorted(rows)


def test_an_epoch_has_every_sequence_once_in_any_number_of_processes(uneven):
    view = LeaveOneOut()(uneven).train
    view = view.take(view.end - view.start > 1)  # nothing follows the event of the others
    pairs = zip(view.start, view.end, strict=True)
    wanted = sorted(tuple(uneven.item[start:end].tolist()) for start, end in pairs)
    assert sequences(one_epoch(uneven)) == wanted
    for world in (2, 3, 50):
        shares = [one_epoch(uneven, rank=rank, world=world) for rank in range(world)]
        assert len({len(share) for share in shares}) == 1
        assert sorted(row for share in shares for row in sequences(share)) == wanted


def test_epochs_are_shuffled_and_the_same_anywhere(uneven):
    first, again, later = one_epoch(uneven), one_epoch(uneven), one_epoch(uneven, epoch=1)
    for batch, same in zip(first, again, strict=True):
        assert torch.equal(batch.history.item_BL, same.history.item_BL)
    assert any(not np.array_equal(a, b) for a, b in zip(first.batches, later.batches, strict=False))


def test_batches_hold_like_many_positions_and_little_padding(uneven):
    loader = one_epoch(uneven)
    counts = [int(batch.history.length_B.sum()) for batch in loader]
    assert max(counts) < 1.5 * min(counts)
    assert loader.padding < 0.2


@pytest.mark.parametrize(("max_length", "stride"), [(10, 5), (10, 10), (7, 1), (8, None), (1, 1)])
def test_sliding_windows_learn_from_every_event_once_with_all_the_context_there_is(
    uneven, max_length, stride
):
    view = LeaveOneOut()(uneven).train
    loader = one_epoch(uneven, window=Sliding(stride=stride), max_length=max_length)
    overlap = max_length - (stride or max_length // 2)
    learned = []
    for rows in loader.batches:
        batch = loader.batch(rows)
        assert batch.history.length_B.max() <= max_length
        for row, segment in enumerate(rows):
            begin, end = loader.start[segment], loader.end[segment]
            assert (
                batch.history.item_BL[row, : end - begin].tolist()
                == uneven.item[begin:end].tolist()
            )
            first = begin + int(batch.prefix_B[row])
            assert first == begin or first - begin == overlap or begin in view.start
            learned += range(first + 1, end + 1)
    wanted = [at for s, e in zip(view.start, view.end, strict=True) for at in range(s + 1, e)]
    assert sorted(learned) == wanted
    assert loader.n_targets == len(wanted)


def test_context_is_seen_but_not_learned_from(uneven):
    experiment = build_experiment(root("max_length=10", "window=sliding"), uneven).eval()
    batches = list(experiment.epoch_batches(0))
    batch = next(b for b in batches if (b.prefix_B > 0).any())
    loss, count, _ = experiment.learn(batch)
    assert count == int((batch.history.length_B - batch.prefix_B).sum())
    changed = batch.target_BL.clone()
    for row, context in enumerate(batch.prefix_B.tolist()):
        changed[row, :context] = 1
    assert experiment.learn(dataclasses.replace(batch, target_BL=changed))[0] == loss
    total = sum(b.weight for b in batches)
    assert total == pytest.approx(len(batches))


@pytest.mark.parametrize("window", [Last(), Sliding(stride=4), Prefixes(per_epoch=3)])
@pytest.mark.parametrize("world", [1, 2, 3])
def test_the_weighted_loss_is_the_mean_over_all_targets(uneven, world, window):
    """Over an epoch and its processes, exactly: so the gradient is unbiased."""
    experiment = build_experiment(root("max_length=10"), uneven).eval()
    cut = {"window": window, "max_length": 10}
    total, positions = 0.0, 0
    for batch in one_epoch(uneven, size=1000, **cut):
        loss, count, _ = experiment.learn(batch)
        total, positions = total + loss.item() * count, positions + count
    weighted, batches = 0.0, 0
    for rank in range(world):
        for batch in one_epoch(uneven, rank=rank, world=world, **cut):
            weighted += experiment.learn(batch)[0].item() * batch.weight
            batches += 1
    assert weighted / batches == pytest.approx(total / positions, rel=1e-5)


def test_processes_share_an_evaluation_without_overlap(small):
    view = build_experiment(root(), small).splits.test
    shared = []
    for rank in range(3):
        loader = EvalBatches(
            columns=columns(small), view=view, max_length=5, size=4, rank=rank, world=3
        )
        shared += [user for batch in loader for user in batch.history.user_B.tolist()]
    assert sorted(shared) == sorted(view.user.tolist())


def test_evaluation_sees_the_latest_items_and_masks_the_whole_history(small):
    experiment = build_experiment(root(), small)
    view = experiment.splits.test
    for batch in EvalBatches(columns=columns(small), view=view, max_length=5, size=16):
        assert isinstance(batch, EvalBatch)
        for row, user in enumerate(batch.history.user_B.tolist()):
            at = view.user.tolist().index(user)
            history = small.item[view.start[at] : view.end[at]].tolist()
            assert batch.history.item_BL[row].tolist() == history[-5:]
            assert batch.target_B[row].item() == small.item[view.end[at]]
            assert batch.seen_item_P[batch.seen_row_P == row].tolist() == history


def test_batches_of_long_histories_are_smaller_and_change_nothing(small, monkeypatch):
    view = build_experiment(root("split=ratio"), small).splits.test
    options = {"columns": columns(small), "view": view, "max_length": 5, "size": 16}
    plain = EvalBatches(**options)
    monkeypatch.setattr(module_of_batches, "SEEN", 40)
    parts = EvalBatches(**options)
    assert max(len(batch.event_B) for batch in plain) == 16
    assert max(len(batch.seen_row_P) for batch in parts) < 80  # one history more, at most
    assert max(len(batch.seen_row_P) for batch in plain) > 80
    events = [torch.cat([batch.event_B for batch in each]) for each in (plain, parts)]
    assert torch.equal(*events)


def test_batches_move_as_one():
    item, length = torch.zeros(1, 2).long(), torch.ones(1).long()
    batch = TrainBatch(History(item, length, length), length, item, None, 1.0)
    moved = batch.to("meta")
    assert moved.history.item_BL.device.type == "meta" and moved.rating_BL is None


def test_lists_longer_than_the_catalogue_are_refused(small):
    with pytest.raises(ConfigError, match="has 30 items"):
        build_experiment(root("evaluation.ks=[31]", "evaluation.monitor=ndcg@31"), small)


def test_items_that_training_never_saw_count_as_padding(small):
    """Whatever their untrained vectors are, and wherever in a history they stand."""
    model = build_experiment(root(), small).model.eval()
    candidate_V = torch.ones(31, dtype=torch.bool)
    candidate_V[7] = False
    history = History(torch.tensor([[3, 7, 5]]), torch.tensor([3]), torch.tensor([-1]))
    before = model.query(history, candidate_V)
    padded = dataclasses.replace(history, item_BL=torch.tensor([[3, 0, 5]]))
    torch.testing.assert_close(before, model.query(padded))
    model.embedding.weight_VD.data[7] += 10
    assert torch.equal(model.query(history, candidate_V), before)
    assert not torch.allclose(model.query(history), before)
