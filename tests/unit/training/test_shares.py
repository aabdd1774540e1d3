"""Processes that share a store: what they find out together, and what each reads of it."""

import numpy as np
import pytest
import torch
from helpers import experiments
from helpers.peers import together
from helpers.shards import stored

from seqrec.errors import ConfigError
from seqrec.evaluation.after_test import list_metrics
from seqrec.evaluation.judge import Tested as Ranks
from seqrec.evaluation.protocol import protocol_card
from seqrec.evaluation.tables import judged_events
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.shared import forgetting, shared_out, split_and_count
from seqrec.machine.process import RANKS

GIVEN = ("prepare.shards=6", "batch.shuffle=shards", "context=events", "data.n_users=60")
GIVEN += ("split=temporal", "split.targets=all", "evaluation.sampled=3", "augment=substitute")
GIVEN += ("negatives=unseen", "loss=bpr", "objective=next_item")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What one process builds, its protocol card, and the prepared data."""
    config, cache = experiments.root(*GIVEN), tmp_path_factory.mktemp("cache")
    experiment = build_experiment(config, experiments.store_of(config, cache))
    return config, cache, experiment, card_of(config, experiment)


def card_of(config, experiment):
    task, count_V = experiment.task, experiment.facts.item_count_V.numpy()
    given = {"item_count_V": count_V, "protocol": task.protocol, "sampled": task.negatives}
    return protocol_card(task.store.own, task.own, config, **given)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_find_out_together_what_one_does_and_read_their_own_shards(
    alone, world, tmp_path
):
    config, cache, one, card = alone

    def work(peers):
        """Split, count, build, batch, and describe the lists of a test."""
        store = experiments.store_of(config, cache).shared_by(peers)
        splits, facts = split_and_count(config, store, tmp_path)
        made = build_experiment(config, store, splits=splits, facts=facts)
        first, size = store.own.first_user, store.own.n_users
        users = torch.cat([batch.history.user_B for batch in made.epoch_batches(0)])
        assert users.min() >= first and users.max() < first + size
        events = [b.event_B for b in made.eval_batches(splits.test)]
        made.tested = ranked_at_random(made)
        lists = list_metrics(made.task, made.tested, made.tested)
        table = judged_events(made.task, made.tested, made.tested)
        return made, card_of(config, made), torch.cat(events), lists, table

    found = together(world, work)
    one.tested = ranked_at_random(one)
    lists = list_metrics(one.task, one.tested, one.tested)
    for made, told, _, described, table in found:
        assert told == card
        facts, expected = made.facts, one.facts
        assert facts.plain() == expected.plain()
        assert torch.equal(facts.item_count_V, expected.item_count_V)
        for name in ("train", "valid", "test"):
            views = getattr(made.splits, name), getattr(one.splits, name)
            assert all(map(np.array_equal, *(vars(view).values() for view in views)))
        assert torch.equal(made.task.negatives.item_RS, one.task.negatives.item_RS)
        assert torch.equal(made.negatives.own_P, one.negatives.own_P)
        assert torch.equal(made.augment.similar.item_VK, one.augment.similar.item_VK)
        assert table.equals(judged_events(one.task, one.tested, one.tested))
        assert described.keys() == lists.keys()
        for name, values in lists.items():
            assert np.array_equal(described[name].total_R, values.total_R)
            assert np.array_equal(described[name].weight_R, values.weight_R)
    events = torch.cat([events for _, _, events, _, _ in found])
    assert sorted(events.tolist()) == list(range(len(one.splits.test)))
    loaded = [columns_read(made.store.own) for made, *_ in found]
    assert all(loaded) and sum(map(len, loaded)) == 6 == len(set.union(*loaded))


def ranked_at_random(experiment):
    rng, size = np.random.default_rng(0), len(experiment.splits.test)
    top_RK = rng.integers(0, experiment.store.n_items + 1, (size, 20))
    return Ranks(np.arange(size), rng.integers(1, 30, size), top_RK, None)


def columns_read(share) -> set[int]:
    """The shards of the whole store whose columns were loaded."""
    whole = share.whole
    columns = [whole.item, whole.timestamp, whole.rating, *whole.context.values()]
    return set.union(*(column.loaded for column in columns))


def test_what_was_found_is_removed_by_the_first_process(tmp_path, monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "shared").mkdir()
    monkeypatch.setenv("RANK", "1")
    with forgetting(tmp_path):
        pass
    assert (tmp_path / "shared").is_dir()
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(KeyboardInterrupt), forgetting(tmp_path):
        raise KeyboardInterrupt
    assert not (tmp_path / "shared").exists()


def test_what_processes_cannot_share_is_refused_before_they_are_started(tmp_path, monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)
    config = experiments.root("prepare.shards=20", "batch.shuffle=shards")
    stores = {shards: stored(tmp_path / str(shards), shards) for shards in (1, 20)}
    assert shared_out(config, stores[20]) is stores[20]  # one process
    config.trainer.devices = 2
    with pytest.raises(ConfigError, match="2 processes can't share the 1 shards"):
        shared_out(config, stores[1])
    config.split["_target_"] = "seqrec.update.split.Continued"
    with pytest.raises(ConfigError, match="split=Continued can't be made by processes"):
        shared_out(config, stores[20])
