"""A grown model answers as the one before, until it learns."""

import pytest
import torch
from helpers.experiments import root
from helpers.growing import SETTINGS, SINCE, stores

from seqrec.build import build_model, gather_facts
from seqrec.config.make import make
from seqrec.errors import RunError
from seqrec.growth.zero import Zero
from seqrec.shapes import History
from seqrec.update.split import Continued
from seqrec.update.transfer import Before, _levels, by_name, transferred

FEATURES = "embedding.features=[{kind: category}, {price: number}, {title: text}]"
MODELS = {
    "lstm": (),
    "bias": ("scorer.bias=true",),
    "mlp": ("scorer=mlp",),
    "cosine": ("scorer=cosine", "encoder=transformer"),
    "ncf": ("scorer=ncf", "loss=bce", "scorer.hidden=[8]"),
    "features": ("embedding=features", FEATURES),
    "gate": ("embedding=features", "embedding.features=[kind]", "embedding.join=gate"),
    "context": ("context=events", "context.columns=[kind, hour, user]"),
    "user": ("embedding=user", "encoder=identity", "head=last"),
}


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("growing")
    return stores(folder)


def both(grown, *overrides):
    """The model before with random weights, and the grown one; with their stores."""
    before, after = grown
    config = root(*SETTINGS, "data.path=x", *overrides)
    events = config.context is not None
    split = make(config.split)
    then = gather_facts(before, split(before), events=events)
    old = build_model(config, then).eval()
    for parameter in old.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    splits = Continued(base=split, since=SINCE)(after)
    now = gather_facts(after, splits, events=events)
    new = build_model(config, now).eval()
    known = Before(old, then, then.item_count_V > 0, before.users()["user"])
    state = transferred(known, new, now, store=after, train=splits.train, growth=Zero())
    new.load_state_dict(state)
    return old, new, then, now


def scores(model, history, size):
    catalogue = model.catalogue()
    return catalogue.block(model.query(history), 1, size)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "context"])
def test_old_histories_are_answered_as_before(grown, name):
    before, after = grown
    old, new, *_ = both(grown, *MODELS[name])
    item_BL = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0], [7, 1, 9, 0]])
    length_B, then = torch.tensor([4, 2, 3]), torch.tensor([0, 1, 2])
    names = after.users()["user"].to_list()
    now = torch.tensor([names.index(user) for user in before.users()["user"].head(3)])
    size, asked = before.n_items + 1, History(item_BL, length_B, now)
    expected = scores(old, History(item_BL, length_B, then), size)
    torch.testing.assert_close(scores(new, asked, size), expected)
    assert scores(new, asked, after.n_items + 1).isfinite().all()


def test_rows_of_categories_and_users_are_found_by_their_names():
    carry = by_name(["a", "c", None], ["b", "c", "a"])
    old = torch.tensor([[9.0], [1.0], [3.0], [7.0]])
    assert carry(old, torch.zeros(4, 1)).flatten().tolist() == [9, 0, 3, 1]


def test_a_table_of_another_shape_is_refused_by_name(grown):
    before, after = grown
    _, new, then, now = both(grown)
    wider = build_model(root(*SETTINGS, "data.path=x", "dim=16"), then)
    known = Before(wider, then, then.item_count_V > 0, before.users()["user"])
    train = Continued(base=make(root(*SETTINGS, "data.path=x").split), since=SINCE)(after).train
    with pytest.raises(RunError, match=r"can't be carried over") as refused:
        transferred(known, new, now, store=after, train=train, growth=Zero())
    assert "train a new run" in str(refused.value)


def test_codes_of_vectors_keep_their_items_and_new_items_get_those_of_their_like():
    old_VC = torch.tensor([[0, 0], [2, 1], [2, 0], [1, 1]], dtype=torch.uint8)
    new_VC = torch.tensor([[0, 0], [3, 0], [3, 2], [0, 0], [3, 0], [0, 2]], dtype=torch.uint8)
    carried_VC = _levels(old_VC, new_VC)
    assert carried_VC.tolist() == [*old_VC.tolist(), [2, 1], [1, 0]]
    assert carried_VC.dtype == torch.uint8
