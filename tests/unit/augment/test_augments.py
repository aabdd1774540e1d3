"""What each augmentation makes of a row, by hand and for many random ones."""

from dataclasses import replace

import pytest
import torch
from helpers.batches import train_batch
from helpers.components import ITEMS, component

from seqrec.augment._rows import gathered
from seqrec.augment.compose import Compose
from seqrec.augment.crop import Crop
from seqrec.augment.either import Either
from seqrec.augment.insert import Insert
from seqrec.augment.item_dropout import ItemDropout
from seqrec.augment.mask import Mask
from seqrec.augment.reorder import Reorder
from seqrec.augment.substitute import Substitute
from seqrec.errors import ConfigError
from seqrec.shapes import History, TrainBatch

DAY = 86_400_000


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def row_of_five(*, seen: int = 0) -> TrainBatch:
    """Items 11 to 15 of days 0 to 4, each followed by the next, the last by 16."""
    item_BL, day_BL = torch.arange(11, 16)[None], torch.arange(5)[None]
    history = History(
        item_BL, torch.tensor([5]), torch.tensor([0]), {"timestamp": day_BL * DAY},
        torch.tensor([5 * DAY]),
    )  # fmt: skip
    return TrainBatch(history, torch.tensor([seen]), item_BL + 1, day_BL / 2 + 0.5, weight=1.0)


def told(batch: TrainBatch) -> tuple[list[int], list[int], int]:
    """Return items, targets and how many positions are only seen, of the only row."""
    length = int(batch.history.length_B)
    items, targets = batch.history.item_BL[0, :length], batch.target_BL[0, :length]
    return items.tolist(), targets.tolist(), int(batch.prefix_B)


def test_a_crop_of_five_is_three_in_a_row_with_what_followed_them():
    found = {tuple(told(Crop(keep=0.6)(row_of_five(), generator(seed)))[0]) for seed in range(40)}
    assert found == {(11, 12, 13), (12, 13, 14), (13, 14, 15)}
    cropped = Crop(keep=0.6)(row_of_five(), generator())
    items, targets, _ = told(cropped)
    assert targets == [item + 1 for item in items]
    assert cropped.history.item_BL.shape == (1, 3)
    assert cropped.history.event["timestamp"][0].tolist() == [(i - 11) * DAY for i in items]
    assert int(cropped.history.asked_B) == (items[-1] - 10) * DAY
    assert cropped.rating_BL[0].tolist() == [(target - 11) / 2 for target in targets]


def test_a_crop_leaves_something_to_learn():
    found = {
        tuple(told(Crop(keep=0.6)(row_of_five(seen=4), generator(seed)))[0]) for seed in range(20)
    }
    assert found == {(13, 14, 15)}
    assert told(Crop(keep=0.6)(row_of_five(seen=4), generator()))[2] == 2
    assert told(Crop(keep=0.01)(row_of_five(), generator()))[0] in [[i] for i in range(11, 16)]
    with pytest.raises(ValueError, match="keep=0"):
        Crop(keep=0)


def test_reordered_events_are_followed_by_what_followed_the_newest():
    given = torch.tensor([[0, 3, 1, 2, 4]])
    items, targets, seen = told(gathered(row_of_five(seen=2), given, torch.tensor([5])))
    assert items == [11, 14, 12, 13, 15]
    assert targets == [12, 15, 15, 15, 16]  # 13 and 14 would have been seen, or are to come
    assert seen == 1  # after the first event only: 15 is learned, and 12 is another segment's


def test_reordering_shuffles_one_stretch():
    found = set()
    for seed in range(200):
        items = told(Reorder(share=0.6)(row_of_five(), generator(seed)))[0]
        assert sorted(items) == [11, 12, 13, 14, 15]
        moved = [at for at, item in enumerate(items) if item != 11 + at]
        assert not moved or moved[-1] - moved[0] < 3
        found.add(tuple(items))
    assert len(found) == 14  # three stretches of 3! orders, of which some are the same
    assert told(Reorder(share=0.0)(row_of_five(), generator())) == told(row_of_five())


def test_masked_inputs_are_padding_in_their_place():
    masked = Mask(share=0.5)(row_of_five(), generator())
    items, targets, _ = told(masked)
    assert {0} < set(items) and all(item in (0, 11 + at) for at, item in enumerate(items))
    assert targets == [12, 13, 14, 15, 16]
    many = Mask(share=0.3)(train_batch([20] * 500), generator())
    assert (many.history.item_BL == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)


def test_a_dropped_item_is_gone_from_all_rows():
    batch = train_batch([20] * 200)
    after = ItemDropout(n_items=ITEMS, share=0.3)(batch, generator())
    gone_BL = after.history.item_BL == 0
    gone = set(batch.history.item_BL[gone_BL].tolist())
    assert 0 < len(gone) < ITEMS and not gone & set(after.history.item_BL[~gone_BL].tolist())
    assert torch.equal(after.target_BL, batch.target_BL)


def close(most: int) -> torch.Tensor:
    """Of 12 the items 1 and 2, of 14 the item 3; the others have no close item."""
    similar_VK = torch.zeros(ITEMS + 1, 2, dtype=torch.int64)
    similar_VK[12] = torch.tensor([1, 2])
    similar_VK[14, 0] = 3
    return similar_VK[:, :most]


def test_a_substitute_is_close_to_what_it_stands_for():
    augment = Substitute(similar=close, share=1.0, neighbours=2)
    found = {tuple(told(augment(row_of_five(), generator(seed)))[0]) for seed in range(20)}
    assert found == {(11, 1, 13, 3, 15), (11, 2, 13, 3, 15)}
    assert told(augment(row_of_five(), generator()))[1] == [12, 13, 14, 15, 16]


def test_an_inserted_item_stands_behind_the_one_that_it_is_close_to():
    augment = Insert(similar=close, max_length=9, share=1.0, neighbours=2)
    found = {tuple(told(augment(row_of_five(), generator(seed)))[0]) for seed in range(20)}
    assert found == {(11, 12, 1, 13, 14, 3, 15), (11, 12, 2, 13, 14, 3, 15)}
    longer = augment(row_of_five(seen=2), generator())
    assert told(longer)[1:] == ([12, 13, 13, 14, 15, 15, 16], 3)
    assert (longer.history.event["timestamp"][0] // DAY).tolist() == [0, 1, 1, 2, 3, 3, 4]


def test_what_is_too_long_by_insertions_loses_its_oldest_inputs():
    augment = Insert(similar=close, max_length=5, share=1.0, neighbours=1)
    assert told(augment(row_of_five(seen=2), generator())) == (
        [1, 13, 14, 3, 15], [13, 14, 15, 15, 16], 1,
    )  # fmt: skip


def test_several_are_applied_in_order():
    crop, insert = Crop(keep=0.4), Insert(similar=close, max_length=9, share=1.0, neighbours=1)
    both = Compose(of={"crop": crop, "insert": insert})
    draws = generator(3)
    expected = insert(crop(row_of_five(), draws), draws)
    assert told(both(row_of_five(), generator(3))) == told(expected)
    assert told(Compose(of={})(row_of_five(), generator())) == told(row_of_five())


def test_each_row_is_changed_by_one_of_several():
    batch = train_batch([20] * 100)
    other = replace(batch, target_BL=batch.target_BL * 0)
    either = Either(of={"crop": Crop(keep=0.5), "other": lambda *_: other})
    after = either(batch, generator())
    cropped_B, other_B = after.history.length_B == 10, (after.target_BL == 0).all(1)
    assert torch.equal(cropped_B, ~other_B) and 30 < int(cropped_B.sum()) < 70
    assert torch.equal(after.history.item_BL[other_B], batch.history.item_BL[other_B])
    with pytest.raises(ValueError, match="nothing to choose"):
        Either(of={})


@pytest.mark.parametrize("name", ["mask", "substitute", "reorder", "insert", "item_dropout"])
def test_a_share_of_nothing_changes_nothing(name):
    batch = train_batch([1, 5, 20])
    after = component("augment", name, share=0.0)(batch, generator())
    assert torch.equal(after.history.item_BL, batch.history.item_BL)
    assert torch.equal(after.target_BL, batch.target_BL)
    with pytest.raises(ConfigError, match="must be from 0 to 1"):
        component("augment", name, share=1.5)


def test_without_ratings_and_times_there_are_none():
    batch = replace(row_of_five(), rating_BL=None)
    batch = replace(batch, history=replace(batch.history, event={}, asked_B=None))
    for augment in (Crop(), Either(of={"crop": Crop(), "mask": Mask()})):
        after = augment(batch, generator())
        assert after.rating_BL is None and after.history.asked_B is None
