"""Training from shards: the same batches and results, or each process from its own."""

from dataclasses import fields
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import experiments
from helpers.shards import stored

from seqrec.batches import EvalBatches, TrainBatches
from seqrec.columns import Columns
from seqrec.counts.training import Training
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.shared import check_shards
from seqrec.shapes import Movable
from seqrec.split.leave_one_out import LeaveOneOut
from seqrec.window.last import Last
from seqrec.window.prefixes import Prefixes
from seqrec.window.sliding import Sliding

WORLD, SIZE, LONGEST = 3, 4, 5
EVENTS = ("timestamp", "rating", "dwell", "device")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layouts")
    return {shards: stored(folder / str(shards), shards) for shards in (None, 1, 20)}


def columns_of(store, *, copied=True, world=1):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqrec.columns.SHARE", 0.25 if copied else 0)
        return Columns(store, torch.device("cpu"), ratings=True, events=EVENTS, world=world)


def trained(columns, splits, *, rank=0, world=1, epoch=0, **options):
    given = {"window": Sliding(stride=2), "max_length": LONGEST, "size": SIZE, "seed": 1}
    return TrainBatches(
        columns=columns, view=splits.train, epoch=epoch, rank=rank, world=world, **given | options
    )


def judged(columns, view, *, rank=0, world=1):
    return EvalBatches(
        columns=columns, view=view, max_length=LONGEST, size=7, rank=rank, world=world
    )


def equal(one, other) -> bool:
    if isinstance(one, Movable):
        return all(equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    return torch.equal(one, other) if torch.is_tensor(one) else one == other


# One process, or a shuffle of all


@pytest.mark.parametrize("copied", [True, False])
@pytest.mark.parametrize("options", [{}, {"from_start": True}, {"window": Prefixes()}])
def test_batches_are_those_of_one_folder(stores, copied, options):
    splits = LeaveOneOut()(stores[None])
    for shards in (1, 20):
        for rank, world in ((0, 1), (1, 2)):
            one, other = columns_of(stores[None]), columns_of(stores[shards], copied=copied)
            given = {"rank": rank, "world": world}
            pairs = [(trained(c, splits, **given, **options) for c in (one, other))]
            pairs += [(judged(c, splits.test, **given) for c in (one, other))]
            for first, second in pairs:
                assert len(first) == len(second)
                assert all(equal(*pair) for pair in zip(first, second, strict=True))


@cache
def results(shards: int | None, folder: Path) -> tuple[list[float], dict[str, float]]:
    """The loss of some steps of training, and the metrics of a validation."""
    given = () if shards is None else (f"prepare.shards={shards}",)
    config = experiments.root(*given, "context=events", "data.n_users=60")
    torch.manual_seed(0)
    experiment = build_experiment(config, experiments.store_of(config, folder))
    losses = experiments.steps(experiment, 6)
    experiment.eval()
    for batch in experiment.eval_batches(experiment.splits.valid):
        experiment.validation_step(batch, 0)
    return losses, experiment.judge.results()


@pytest.mark.parametrize("shards", [1, 20])
def test_losses_and_metrics_are_those_of_one_folder(shards, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "trained"
    assert results(shards, folder) == results(None, folder)


def test_counts_are_those_of_one_folder(stores):
    view = LeaveOneOut()(stores[None]).train
    one, other = (Training.of(stores[shards], view) for shards in (None, 20))
    assert all(map(np.array_equal, vars(one).values(), vars(other).values()))


# Each process its own shards


@pytest.fixture(scope="module")
def splits(stores):
    return LeaveOneOut()(stores[20])


def shares(store, **options):
    return [columns_of(store.share(rank, WORLD), world=WORLD, **options) for rank in range(WORLD)]


def segments(columns, batches) -> set[tuple[int, int]]:
    first = columns.store.first_event
    return {
        (int(s) + first, int(e) + first)
        for rows in batches.batches
        for s, e in zip(batches.start[rows], batches.end[rows], strict=True)
    }


def test_processes_train_on_each_segment_once_in_equally_many_steps(stores, splits):
    whole = trained(columns_of(stores[None]), splits, world=WORLD)
    own = [
        (columns, trained(columns, splits, rank=rank, world=WORLD))
        for rank, columns in enumerate(shares(stores[20]))
    ]
    parts = [segments(*each) for each in own]
    assert set.union(*parts) == segments(columns_of(stores[None]), whole)
    assert sum(map(len, parts)) == len(whole.start)
    for columns, batches in own:
        assert len(batches) == len(list(batches)) == len(whole) and batches.mean == whole.mean
        users = torch.cat([batch.history.user_B for batch in batches if batch.weight])
        first = columns.store.first_user
        assert users.min() >= first and users.max() < first + columns.store.n_users
    weights = [batch.weight for _, batches in own for batch in batches]
    assert sum(weights) == pytest.approx(len(whole) * WORLD)  # as if each target counted once


def test_a_share_gathers_what_the_whole_has(stores, splits):
    """Each of its segments is what the whole store would gather there."""
    whole = columns_of(stores[None])
    for rank, columns in enumerate(shares(stores[20], copied=False)):
        own = trained(columns, splits, rank=rank, world=WORLD, from_start=True)
        reference = trained(whole, splits, world=WORLD, from_start=True)
        place = {end: at for at, end in enumerate(reference.end.tolist())}
        for rows in own.batches:
            for row in rows:
                at = place[int(own.end[row]) + columns.store.first_event]
                found = own.batch(np.array([row]), weight=1.0)
                expected = reference.batch(np.array([at]), weight=1.0)
                valid = expected.history.item_BL > 0  # before a user's first event is no event
                assert torch.equal(found.history.item_BL, expected.history.item_BL)
                assert torch.equal(found.target_BL, expected.target_BL)
                assert torch.equal(found.history.user_B, expected.history.user_B)
                assert torch.equal(found.history.asked_B, expected.history.asked_B)
                for name in EVENTS:
                    one, other = (b.history.event[name][valid] for b in (found, expected))
                    assert torch.equal(one, other)


def test_the_shuffle_is_a_function_of_seed_epoch_and_process(stores, splits):
    columns = shares(stores[20])

    def order(rank, **options):
        batches = trained(columns[rank], splits, rank=rank, world=WORLD, **options)
        return [rows.tolist() for rows in batches.batches]

    assert order(0) == order(0)
    assert order(0) != order(0, epoch=1) and order(0) != order(0, seed=2)
    lengths = [[sum(len(r) for r in order(rank)) for rank in range(WORLD)]]
    assert all(lengths[0])


def test_steps_of_all_processes_have_segments_of_similar_length(stores, splits):
    own = [
        trained(c, splits, rank=r, world=WORLD, window=Last())
        for r, c in enumerate(shares(stores[20]))
    ]
    longest = np.array(
        [[(b.end - b.start)[rows].max(initial=0) for rows in b.batches] for b in own]
    )
    assert np.ptp(longest, axis=0).mean() <= 1


def test_each_event_is_ranked_by_the_process_that_has_its_user(stores, splits):
    whole = columns_of(stores[None])
    expected = {}
    for batch in judged(whole, splits.test):
        seen = batch.seen_item_P
        for row, event in enumerate(batch.event_B.tolist()):
            mine = seen[batch.seen_row_P == row].tolist()
            expected[event] = (batch.target_B[row], batch.history.user_B[row], mine)
    found = {}
    for rank, columns in enumerate(shares(stores[20])):
        for batch in judged(columns, splits.test, rank=rank, world=WORLD):
            for row, event in enumerate(batch.event_B.tolist()):
                assert event not in found
                mine = batch.seen_item_P[batch.seen_row_P == row].tolist()
                found[event] = (batch.target_B[row], batch.history.user_B[row], mine)
    assert found == expected


def test_a_process_without_users_to_train_on_is_refused(stores, splits):
    config = experiments.root("prepare.shards=20", "batch.shuffle=shards")
    check_shards(config, stores[20], splits, WORLD)
    few = splits.test.take(splits.test.user < 30)
    few = type(splits)(splits.train, splits.valid, few, None, "few")
    with pytest.raises(ConfigError, match="one of 3 processes have no test sequence"):
        check_shards(config, stores[20], few, WORLD)
    with pytest.raises(ConfigError, match="can't share the 1 shards"):
        check_shards(config, stores[1], splits, WORLD)
