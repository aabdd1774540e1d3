"""What is known of each event reaches the model, and never the prediction of that same event."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from helpers.commands import told
from helpers.experiments import batches, root, steps, store_of
from helpers.finished import write_shop

from seqrec.batches import EvalBatches
from seqrec.build import build_source
from seqrec.context.events import Events, squashed
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.facts import EventFacts
from seqrec.layers.times import after, before, codes
from seqrec.shapes import UNKNOWN_TIME, History

DAY = 86_400_000
KNOWN = {
    "rating": EventFacts(mean=1.4, std=0.3),
    "device": EventFacts(categories=["phone", "tablet"]),
    "timestamp": EventFacts(),
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """40 users of 6 to 12 events with ratings, times, a device and a dwell time."""
    return write_shop(tmp_path_factory.mktemp("shop"))


def config_of(path, *overrides):
    return root(
        "data=files", f"data.path={path}", "data.rating=stars", "prepare.k_core=0",
        "data.context=[device,{dwell: number}]", "context=events", "max_length=8", *overrides,
    )  # fmt: skip


def test_a_store_keeps_categories_and_numbers_of_each_event(shop, tmp_path):
    store = store_of(config_of(shop), tmp_path)
    assert list(store.context) == ["device", "dwell"] and store.categories == {
        "device": ["phone", "tablet"]
    }
    raw = pl.read_csv(shop).sort("user_id", "timestamp", maintain_order=True)
    place = {user: at for at, user in enumerate(store.users()["user"])}
    raw = raw.with_columns(at=pl.col("user_id").replace_strict(place)).sort(
        "at", maintain_order=True
    )
    code = {None: 0, "phone": 1, "tablet": 2}
    assert store.context["device"].tolist() == [code[name] for name in raw["device"]]
    np.testing.assert_allclose(
        store.context["dwell"], raw["dwell"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
    )


def test_context_is_part_of_the_data_hash(shop, tmp_path):
    with_it = store_of(config_of(shop), tmp_path)
    alone = ("data=files", f"data.path={shop}", "data.rating=stars", "prepare.k_core=0")
    without = store_of(root(*alone), tmp_path)
    assert with_it.data_hash != without.data_hash


@pytest.mark.parametrize("target_time", [False, True])
def test_what_is_known_of_an_event_reaches_only_later_predictions(shop, tmp_path, target_time):
    """The time alone is known one event earlier, and only where that is asked for."""
    config = config_of(shop, f"context.target_time={target_time}")
    experiment = build_experiment(config, store_of(config, tmp_path))
    steps(experiment, 10)
    model = experiment.model.eval()
    history = next(iter(batches(experiment))).history
    u_BLD = model(history)
    at = 3
    for name, value in history.event.items():
        other = value.clone()
        other[:, at] = 1 - other[:, at].clamp(max=1) if name == "device" else other[:, at] + 5e8
        other[:, at] = 7 if name == "dwell" else other[:, at]
        changed = model(replace(history, event={**history.event, name: other}))
        first = at - 1 if name == "timestamp" and target_time else at
        assert torch.equal(changed[:, :first], u_BLD[:, :first]), name
        rows = history.length_B > at
        assert not torch.allclose(changed[rows, first], u_BLD[rows, first]), name
    asked = replace(history, asked_B=history.asked_B + 9 * DAY // 2)
    last = history.length_B - 1
    same = torch.equal(
        model(asked)[torch.arange(len(last)), last], u_BLD[torch.arange(len(last)), last]
    )
    assert same != target_time


def test_the_context_of_a_target_is_in_no_batch(shop, tmp_path):
    """Ratings, devices and dwell times of held-out events may be anything."""
    config = config_of(shop)
    store = store_of(config, tmp_path)
    experiment = build_experiment(config, store)
    view = experiment.splits.test
    batch = next(iter(EvalBatches(columns=experiment.columns, view=view, max_length=8, size=99)))
    for row, event in enumerate(batch.event_B.tolist()):
        n = int(batch.history.length_B[row])
        end = view.end[event]
        mine = slice(end - n, end)
        assert batch.history.event["device"][row, :n].tolist() == (
            store.context["device"][mine].tolist()
        )
        assert batch.history.event["rating"][row, :n].tolist() == store.rating[mine].tolist()
        assert batch.history.asked_B[row] == store.timestamp[end]


def test_times_become_codes():
    time = torch.tensor([[0, 3_600_000 * 25 + 5, UNKNOWN_TIME, 5 * DAY, 4 * DAY]])
    earlier = before(time)
    assert earlier.tolist() == [[UNKNOWN_TIME, *time[0, :-1].tolist()]]
    assert codes("hour", time, earlier).tolist() == [[1, 2, 0, 1, 1]]
    assert codes("weekday", time, earlier).tolist() == [[4, 5, 0, 2, 1]]  # a Thursday first
    assert codes("gap", time, earlier).tolist() == [[0, 1 + 16, 0, 0, 1]]
    assert codes("hour", torch.tensor([[-1]]), torch.tensor([[0]])).tolist() == [[24]]  # 1969


def test_the_event_after_the_last_is_the_question():
    history = History(
        torch.tensor([[1, 2, 3], [1, 0, 0]]),
        torch.tensor([3, 1]),
        torch.tensor([0, 1]),
        {"timestamp": torch.tensor([[10, 20, 30], [10, 0, 0]])},
        torch.tensor([99, 77]),
    )
    following = after(history)
    assert following[0].tolist() == [20, 30, 99] and following[1, 0] == 77


def test_training_begins_with_the_model_that_knows_items_alone(shop, tmp_path):
    config = config_of(shop)
    experiment = build_experiment(config, store_of(config, tmp_path))
    history = next(iter(batches(experiment))).history
    assert not experiment.model.context(history).any()


def test_numbers_enter_standardised_and_missing_ones_have_their_own_vector():
    module = Events(n_users=1, events=KNOWN, dim=4, columns=["rating"])
    module.parts[0].weight_2D.data = torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 0, 0]])
    value = torch.tensor([[3.0, float("nan")]])
    history = History(
        torch.ones(1, 2).long(), torch.tensor([2]), torch.tensor([0]), {"rating": value}
    )
    c = module(history)[0] / 2
    torch.testing.assert_close(c[0, 0], (squashed(torch.tensor(3.0)) - 1.4) / 0.3)
    assert c[1].tolist() == [0, 1, 0, 0]


def test_columns_that_the_data_lacks_are_refused():
    with pytest.raises(ValueError, match="the data has rating, device, hour, weekday, gap, user"):
        Events(n_users=1, events=KNOWN, dim=4, columns=["mood"])
    with pytest.raises(ValueError, match="none of hour, weekday and gap"):
        Events(n_users=1, events=KNOWN, dim=4, columns=["rating"], target_time=True)
    with pytest.raises(ValueError, match="the data has user"):
        Events(n_users=1, events={}, dim=4)


@pytest.mark.parametrize("given", ["[{dwell: text}]", "[rating]"])
def test_context_columns_that_make_no_sense_are_refused(given):
    with pytest.raises(ConfigError, match=r"data\.context"):
        build_source(root("data=files", "data.path=x.csv", f"data.context={given}"))


def test_a_user_vector_tells_users_apart(shop, tmp_path):
    config = config_of(shop, "context.columns=[user]")
    experiment = build_experiment(config, store_of(config, tmp_path))
    steps(experiment, 10)
    history = next(iter(batches(experiment))).history
    model = experiment.model.eval()
    other = replace(history, user_B=history.user_B.flip(0))
    stranger = replace(history, user_B=torch.full_like(history.user_B, -1))
    assert not torch.allclose(model(other), model(history))
    assert not torch.allclose(model(stranger), model(history))


def test_a_key_of_a_context_that_was_not_chosen_says_how_to_choose_one():
    assert "has no context; choose context=events" in told("context.columns=[rating]")
    said = told("model=popularity", "encoder.dim=3")
    assert "has no encoder" in said and "choose" not in said
