"""What every split promises, and that splits which break a promise are found out."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.components import component, names
from helpers.experiments import root, store_of
from helpers.peers import together

from seqrec.build import gather_facts
from seqrec.store.peers import ALONE
from seqrec.store.views import View

every = pytest.mark.parametrize("name", names("split"))


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """120 users of 2 to 13 events, who come and go at different times: in a file, and in parts."""
    folder = tmp_path_factory.mktemp("timed")
    rng = np.random.default_rng(0)
    lines = ["user_id,item_id,timestamp"]
    for user in range(120):
        times = np.sort(rng.integers(0, 40, 2 + user % 12)) + rng.integers(0, 1000)
        lines += [f"u{user},i{rng.integers(25)},{1_700_000_000 + 60 * t}" for t in times]
    (folder / "events.csv").write_text("\n".join(lines))
    for at, part in enumerate(("train", "valid", "test")):
        rows = [row for n, row in enumerate(lines[1:]) if (0, 0, 0, 1, 2)[n % 5] == at]
        (folder / f"{part}.csv").write_text("\n".join([lines[0], *rows]))
    given = [f"data.{part}_path={folder / part}.csv" for part in ("valid", "test")]
    given.append("prepare.shards=7")
    of_parts = [f"data.path={folder / 'train.csv'}", *given, "split=given"]
    whole = [f"data.path={folder / 'events.csv'}", "prepare.shards=7"]
    return {
        name: store_of(root("data=files", "prepare.k_core=0", *options), folder)
        for name, options in {"whole": whole, "given": of_parts}.items()
    }


@pytest.fixture
def store(stores, request):
    name = getattr(request.node, "callspec", None) and request.node.callspec.params.get("name")
    return stores.get(name, stores["whole"])


def check_parts_are_disjoint(split, store):
    """An event is trained on, or a validation target, or a test target."""
    splits = split(store)
    train, valid, test = splits.train.positions(), splits.valid.end, splits.test.end
    assert len(set(train)) == len(train)
    assert len({*train, *valid, *test}) == len(train) + len(valid) + len(test)


def check_histories_are_whole(split, store):
    """A target has all earlier events of its user as history, and at least one."""
    splits = split(store)
    for view in (splits.valid, splits.test):
        assert (view.start == store.offset[view.user]).all()
        assert (view.start < view.end).all() and (view.end < store.offset[view.user + 1]).all()


def check_train_comes_first(split, store):
    """Nothing that a user did at or after a target of theirs is trained on."""
    splits = split(store)
    trained_until = np.zeros(store.n_users, dtype=int)
    trained_until[splits.train.user] = splits.train.end
    for view in (splits.valid, splits.test):
        assert (trained_until[view.user] <= view.end).all()


def check_cut_holds(split, store):
    """Where a split names a cut in time, training lies before it and targets don't."""
    splits = split(store)
    if splits.cut is None:
        return
    assert (store.timestamp[splits.train.positions()] < splits.cut).all()
    for view in (splits.valid, splits.test):
        assert (store.timestamp[view.end] >= splits.cut).all()


def check_targets_may_be_ranked(split, store):
    """What may be ranked never includes the padding, and includes every target."""
    splits = split(store)
    if splits.candidate_V is None:
        return
    assert splits.candidate_V.shape == (store.n_items + 1,) and not splits.candidate_V[0]
    for view in (splits.valid, splits.test):
        assert splits.candidate_V[store.item[view.end]].all()


def check_same_again(split, store):
    """A split draws nothing at random."""
    one, two = split(store), split(store)
    for part in ("train", "valid", "test"):
        a, b = getattr(one, part), getattr(two, part)
        assert np.array_equal(a.start, b.start) and np.array_equal(a.end, b.end)


def check_every_event_is_told(split, store):
    """Each event is in a part, or the report says how many aren't and why."""
    splits = split(store)
    report, part = splits.report, np.zeros(store.n_interactions, dtype=int)
    part[splits.train.positions()] = 1
    part[splits.valid.end], part[splits.test.end] = 2, 3
    told = [report[n] for n in ("train_events", "valid_targets", "test_targets")]
    assert [(part == at).sum() for at in (1, 2, 3)] == told
    cold = report["valid_cold_targets"] + report["test_cold_targets"]
    assert (part == 0).sum() == cold + report["history_events"] + report["unused_events"]
    for view in (splits.valid, splits.test):
        part[view.positions()] = 4
    # a target that is left out may be in the history of another
    assert 0 <= (part == 0).sum() - report["unused_events"] <= cold


def check_ranked_items_are_counted(split, store):
    """An item that training has no event of isn't ranked, where a split says what is."""
    splits = split(store)
    if splits.candidate_V is not None:
        item_count_V = gather_facts(store, splits).item_count_V.numpy()
        assert np.array_equal(splits.candidate_V[1:], item_count_V[1:] > 0)


def check_processes_split_as_one(split, store):
    """Processes that each split a share of the store come to what one does, together."""
    if not getattr(split, "takes_shares", False):
        return
    whole, world = split(store), 3

    def part(peers):
        share = store.shared_by(peers).own
        return share, split(share)

    parts = together(world, part)
    for share, own in parts:
        assert (own.report, own.cut, own.protocol) == (whole.report, whole.cut, whole.protocol)
        assert own.notes == whole.notes
        assert np.array_equal(own.candidate_V, whole.candidate_V)
        for name in ("train", "valid", "test"):
            expected, found = getattr(whole, name).within(share)[1], getattr(own, name)
            assert np.array_equal(expected.user, found.user)
            assert np.array_equal(expected.start, found.start)
            assert np.array_equal(expected.end, found.end)


CHECKS = [
    check_processes_split_as_one,
    *(check_every_event_is_told, check_ranked_items_are_counted),
    *(check_parts_are_disjoint, check_histories_are_whole, check_train_comes_first),
    *(check_cut_holds, check_targets_may_be_ranked, check_same_again),
]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_split_keeps_its_promise(check, name, store):
    check(component("split", name), store)


@pytest.mark.parametrize("name", ["temporal", "rolling", "sessions"])
def test_a_split_in_time_names_its_cut(name, store):
    assert component("split", name)(store).cut is not None


def changed(**views):
    """Leave-one-out with other parts; each is made of the splits and the store."""

    def split(store):
        splits = component("split", "leave_one_out")(store)
        return replace(splits, **{name: make(splits, store) for name, make in views.items()})

    return split


class ByItself:
    """A split in time whose cuts are those of the events that it sees."""

    takes_shares = True

    def __call__(self, store):
        peers, store.peers = store.peers, ALONE
        try:
            return component("split", "temporal")(store)
        finally:
            store.peers = peers


def drawn(store):
    splits = component("split", "leave_one_out")(store)
    return replace(splits, test=splits.test.take(np.random.permutation(len(splits.test))))


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_parts_are_disjoint, changed(test=lambda splits, _: splits.valid)),
        (check_parts_are_disjoint, changed(train=lambda _, store: everything(store))),
        (check_histories_are_whole, changed(test=lambda splits, _: cut_short(splits.test))),
        (check_train_comes_first, changed(train=lambda _, store: everything(store))),
        (check_cut_holds, changed(cut=lambda _, store: int(np.median(store.timestamp)))),
        (check_targets_may_be_ranked, changed(candidate_V=lambda _, store: only_one(store))),
        (check_same_again, drawn),
        (check_processes_split_as_one, ByItself()),
        (check_every_event_is_told, changed(train=lambda splits, _: two_or_more(splits.train))),
        (check_every_event_is_told, changed(test=lambda splits, _: splits.test.take([0, 1]))),
        (check_ranked_items_are_counted, changed(candidate_V=lambda _, store: only_one(store))),
    ],
)
def test_a_broken_split_is_found_out(check, broken, store):
    with pytest.raises(AssertionError):
        check(broken, store)


def everything(store):
    user = np.arange(store.n_users)
    return View(user, np.asarray(store.offset[:-1]), np.asarray(store.offset[1:]))


def two_or_more(view):
    return view.take(view.end - view.start >= 2)


def cut_short(view):
    return View(view.user, view.end - 1, view.end)


def only_one(store):
    return np.arange(store.n_items + 1) == 1
