"""The contract of augmentations, held to by every file in ``configs/augment``."""

from dataclasses import replace

import pytest
import torch
from helpers.batches import Noise, padded, train_batch
from helpers.components import ITEMS, LENGTH, component, names

LENGTHS = [1, 5, 3, 9, LENGTH]
DAY = 86_400_000


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def check_batch(augment):
    """Assert that what comes out is a training batch like any other."""
    before = train_batch(LENGTHS)
    kept = train_batch_values(before)
    after = augment(before, generator(1))
    assert all(map(torch.equal, kept, train_batch_values(before))), "it changed what it was given"
    told = after.history
    rows, width = told.item_BL.shape
    assert after.target_BL.shape == after.rating_BL.shape == (rows, width)
    assert all(value.shape == (rows, width) for value in told.event.values())
    for of_row in (told.length_B, told.user_B, told.asked_B, after.prefix_B):
        assert of_row.shape == (rows,)
    assert set(told.event) == set(before.history.event)
    assert told.item_BL.dtype == after.target_BL.dtype == told.length_B.dtype == torch.int64
    assert (told.length_B >= 1).all() and (told.length_B <= width).all() and width <= LENGTH
    assert (after.prefix_B >= 0).all() and (after.prefix_B < told.length_B).all()
    valid_BL = torch.arange(width) < told.length_B[:, None]
    assert (told.item_BL[~valid_BL] == 0).all(), "padding stays on the right"
    assert (told.item_BL[valid_BL] >= 0).all() and (told.item_BL <= ITEMS).all()
    assert torch.equal(after.target_BL > 0, valid_BL), "a target at each valid position alone"
    assert (after.target_BL <= ITEMS).all()


def check_truth(augment):
    """Assert that a target is what followed the newest event up to there: it was never seen.

    An event is known by its day, which moves with it.
    """
    for seed in range(5):
        before = train_batch(LENGTHS)
        after = augment(before, generator(seed))
        told = after.history
        for row, length in enumerate(told.length_B.tolist()):
            newest = (told.event["timestamp"][row, :length] // DAY).cummax(0).values
            assert torch.equal(after.target_BL[row, :length], before.target_BL[row][newest])
            assert torch.equal(after.rating_BL[row, :length], before.rating_BL[row][newest])
            seen = newest < before.prefix_B[row]
            assert seen.sum() == after.prefix_B[row], "what was only seen is learned from"
            assert told.asked_B[row] == (newest[-1] + 1) * DAY


def check_padding(augment):
    """Assert that a row changes in the same way, however wide its batch is."""
    batch = train_batch(LENGTHS)
    after, wider = (augment(each, generator(1)) for each in (batch, padded(batch, 4)))
    width = int(after.history.length_B.max())
    assert torch.equal(after.history.length_B, wider.history.length_B)
    assert torch.equal(after.history.item_BL[:, :width], wider.history.item_BL[:, :width])
    assert torch.equal(after.target_BL[:, :width], wider.target_BL[:, :width])


def check_seed(augment):
    """Assert that the generator, and nothing else, decides."""
    batch, values = train_batch(LENGTHS), []
    state = torch.get_rng_state()
    for _ in range(2):
        values.append(train_batch_values(augment(batch, generator(1))))
        assert torch.equal(torch.get_rng_state(), state), "it draws from the global generator"
    first, again = values
    assert all(map(torch.equal, first, again))


def train_batch_values(batch) -> list[torch.Tensor]:
    """Return copies of a batch's tensors."""
    told = batch.history
    values = (told.item_BL, told.length_B, told.user_B, told.asked_B, *told.event.values())
    return [v.clone() for v in (*values, batch.prefix_B, batch.target_BL, batch.rating_BL)]


@pytest.mark.parametrize("name", names("augment"))
def test_it_gives_a_batch_like_any_other(name):
    check_batch(component("augment", name))


@pytest.mark.parametrize("name", names("augment"))
def test_the_same_seed_gives_the_same_batch(name):
    check_seed(component("augment", name))


@pytest.mark.parametrize("name", names("augment"))
def test_a_target_is_what_followed_all_that_is_seen(name):
    check_truth(component("augment", name))


@pytest.mark.parametrize("name", names("augment"))
def test_padding_changes_nothing(name):
    check_padding(component("augment", name))


def pads_on_the_left(batch, generator):
    item_BL = batch.history.item_BL.flip(1)
    return replace(batch, history=replace(batch.history, item_BL=item_BL))


def empties_a_row(batch, generator):
    told = batch.history
    rest = torch.arange(told.item_BL.shape[1]) < (told.length_B - 1)[:, None]
    shorter = replace(told, item_BL=told.item_BL * rest, length_B=told.length_B - 1)
    return replace(batch, history=shorter, target_BL=batch.target_BL * rest)


def forgets_the_targets(batch, generator):
    return replace(batch, target_BL=batch.target_BL[:, 1:])


def crops_the_items_alone(batch, generator):
    told = batch.history
    length_B = told.length_B.clamp(max=3)
    item_BL = told.item_BL * (torch.arange(told.item_BL.shape[1]) < length_B[:, None])
    return replace(batch, history=replace(told, item_BL=item_BL, length_B=length_B))


def reverses_items_with_their_targets(batch, generator):
    """Each item keeps its own successor, which now stands in front of it."""
    told = batch.history
    back_BL = told.length_B[:, None] - 1 - torch.arange(told.item_BL.shape[1])
    back_BL = torch.where(back_BL < 0, torch.arange(told.item_BL.shape[1]), back_BL)
    event = {name: column.gather(1, back_BL) for name, column in told.event.items()}
    history = replace(told, item_BL=told.item_BL.gather(1, back_BL), event=event)
    target_BL, rating_BL = batch.target_BL.gather(1, back_BL), batch.rating_BL.gather(1, back_BL)
    return replace(batch, history=history, target_BL=target_BL, rating_BL=rating_BL)


def predicts_what_it_only_sees(batch, generator):
    return replace(batch, prefix_B=torch.zeros_like(batch.prefix_B))


def writes_into_the_batch(batch, generator):
    batch.history.item_BL[:, 0] = 7
    return batch


def noise_of_the_global_generator(batch, generator):
    return Noise()(batch, torch.default_generator)


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_batch, pads_on_the_left),
        (check_batch, empties_a_row),
        (check_batch, forgets_the_targets),
        (check_batch, crops_the_items_alone),
        (check_batch, writes_into_the_batch),
        (check_truth, reverses_items_with_their_targets),
        (check_truth, predicts_what_it_only_sees),
        (check_padding, Noise()),
        (check_seed, noise_of_the_global_generator),
    ],
)
def test_a_broken_augmentation_breaks_the_contract(check, broken):
    with pytest.raises(AssertionError):
        check(broken)


def test_noise_keeps_the_contract():
    check_batch(Noise())
    check_truth(Noise())
    check_seed(Noise())
