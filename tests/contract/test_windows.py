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
