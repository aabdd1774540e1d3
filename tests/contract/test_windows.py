"""What every window promises, and that windows which break a promise are found out."""

import numpy as np
import pytest
from helpers.components import component, names

from seqrec.shapes import Segments

LENGTHS = np.array([1, 2, 3, 7, 8, 9, 20, 64])
END = LENGTHS.cumsum() + np.arange(len(LENGTHS))  # a target follows each sequence's inputs
START = END - LENGTHS
MOST = (1, 2, 5, 8, 100)
every = pytest.mark.parametrize("name", names("window"))


def check_targets_are_had_once(window):
    """No input's successor is a target twice, none is one of another sequence."""
    for most in MOST:
        cut = window(START, END, most)
        learned = [
            position
            for start, end, prefix in zip(cut.start, cut.end, cut.prefix, strict=True)
            for position in range(start + prefix, end)
        ]
        assert len(learned) == len(set(learned))
        inside = {at for start, end in zip(START, END, strict=True) for at in range(start, end)}
        assert set(learned) <= inside


def check_latest_target_is_kept(window):
    """The last event of every sequence is learned from, whatever is left out."""
    for most in MOST:
        assert set(END) <= set(window(START, END, most).end)


def check_length(window):
    """No segment is empty, longer than asked for, or prefix alone."""
    for most in MOST:
        cut = window(START, END, most)
        length = cut.end - cut.start
        assert (length >= 1).all() and (length <= most).all()
        assert (cut.prefix >= 0).all() and (cut.prefix < length).all()


def check_sequences_stay_apart(window):
    """A segment lies within one sequence."""
    for most in MOST:
        cut = window(START, END, most)
        mine = np.searchsorted(END, cut.end)
        assert (cut.start >= START[mine]).all() and (cut.end <= END[mine]).all()


@every
def test_targets_are_had_once(name):
    check_targets_are_had_once(component("window", name))


@every
def test_the_latest_target_is_kept(name):
    check_latest_target_is_kept(component("window", name))


@every
def test_segments_are_as_long_as_they_may_be(name):
    check_length(component("window", name))


@every
def test_sequences_stay_apart(name):
    check_sequences_stay_apart(component("window", name))


def overlapping(start, end, most):
    """Every stretch, all of it learned from."""
    pairs = zip(start, end, strict=True)
    ends = np.array([(s, e) for s, last in pairs for e in range(s + 1, last + 1)])
    return Segments(np.maximum(ends[:, 0], ends[:, 1] - most), ends[:, 1], 0 * ends[:, 1])


def whole(start, end, most):
    return Segments(start, end, 0 * end)


def earliest(start, end, most):
    return Segments(start, np.minimum(end, start + most), 0 * end)


def joined(start, end, most):
    return Segments(np.maximum(0, end - most), end, 0 * end)


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_targets_are_had_once, overlapping),
        (check_length, whole),
        (check_latest_target_is_kept, earliest),
        (check_sequences_stay_apart, joined),
    ],
)
def test_a_broken_window_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken)


DRAWING = [name for name in names("window") if hasattr(component("window", name), "drawn")]


def check_drawing(window):
    """An epoch's segments follow from its generator alone, and are some of all, always as many."""
    every = {tuple(row) for row in _rows(window(START, END, 8))}
    one, again, other = (
        _rows(window.drawn(START, END, 8, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, again) and len(one) == len(other)
    assert {tuple(row) for row in one} <= every


@pytest.mark.parametrize("name", DRAWING)
@pytest.mark.parametrize("options", [{}, {"per_epoch": 3}])
def test_an_epochs_segments_are_drawn_by_its_generator(name, options):
    check_drawing(component("window", name, **options))


class Drawing:
    """All prefixes, of which `change` makes an epoch's."""

    def __init__(self, change):
        self.whole, self.change = component("window", "prefixes"), change

    def __call__(self, start, end, most):
        return self.whole(start, end, most)

    def drawn(self, start, end, most, rng):
        return self.change(self(start, end, most), rng)


def taken(cut, row):
    return Segments(cut.start[row], cut.end[row], cut.prefix[row])


@pytest.mark.parametrize(
    "change",
    [
        lambda cut, rng: taken(cut, np.random.default_rng().permutation(len(cut.end))[:9]),
        lambda cut, rng: taken(cut, np.flatnonzero(rng.random(len(cut.end)) < 0.5)),
        lambda cut, rng: Segments(cut.start, cut.end, cut.prefix + 1),
    ],
)
def test_a_window_that_draws_otherwise_is_found_out(change):
    check_drawing(Drawing(lambda cut, rng: cut))
    with pytest.raises(AssertionError):
        check_drawing(Drawing(change))


def test_prefixes_have_a_row_for_each_target_which_is_last():
    cut = component("window", "prefixes")(np.array([0, 10]), np.array([4, 12]), 3)
    rows = [(0, 1, 0), (0, 2, 1), (0, 3, 2), (1, 4, 2), (10, 11, 0), (10, 12, 1)]
    assert [tuple(row) for row in _rows(cut)] == rows


def test_so_many_prefixes_of_each_history_are_drawn_evenly():
    window, count = component("window", "prefixes", per_epoch=2), np.zeros(40)
    start, end = np.array([0, 10, 30]), np.array([1, 14, 38])
    for seed in range(400):
        drawn = window.drawn(start, end, 5, np.random.default_rng(seed))
        mine = np.searchsorted(end, drawn.end)
        assert np.bincount(mine).tolist() == [1, 2, 2] and len(set(drawn.end)) == 5
        count[drawn.end] += 1
    assert (
        count[1] == 400
        and abs(count[11:15] - 200).max() < 50
        and abs(count[31:39] - 100).max() < 40
    )


def _rows(cut):
    return np.stack([cut.start, cut.end, cut.prefix], 1)
