"""Friends: read, shuffled, and what they had joined to a history."""

import polars as pl
import pytest
import torch
from helpers.components import DIM, FACTS, ITEMS, USER_TABLE, component

from seqrec.embedding.friends import FriendsEmbedding
from seqrec.errors import DataError
from seqrec.features.friends import friends_of, items_of_friends, pairs_in_file, pairs_in_table
from seqrec.shapes import History

USERS = pl.DataFrame({"index": range(5), "user": list("abcde")})
AS_GIVEN = {"directed": True, "shuffled": False, "seed": 0}


def pairs(*texts: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"user": [text[0] for text in texts], "friend": [text[1] for text in texts]}
    )


def own(*items: set[int]) -> torch.Tensor:
    numbers = [user * 10 + item for user, has in enumerate(items) for item in sorted(has)]
    return torch.tensor(numbers)


def embedded(**changes) -> FriendsEmbedding:
    module = component("embedding", "friends", **changes).eval()
    torch.nn.init.normal_(module.weight_DD)
    return module


def history(*users: int) -> History:
    item_BL = torch.arange(1, 4).expand(len(users), 3)
    return History(item_BL, torch.full((len(users),), 3), torch.tensor(users))


def test_a_pair_is_a_friendship_both_ways_unless_it_is_directed(capsys):
    given = pairs("ab", "ac", "aa", "ax")
    assert friends_of(given, USERS, **AS_GIVEN).rows() == [(0, 1), (0, 2)]
    mutual = friends_of(given, USERS, **AS_GIVEN | {"directed": False})
    assert mutual.rows() == [(0, 1), (0, 2), (1, 0), (2, 0)]
    assert "1 of 4 pairs of friends have a user without" in capsys.readouterr().err


def test_shuffled_friends_are_those_of_another_user():
    given = pairs("ab", "ac", "bc", "ce")
    order = friends_of(given, USERS, directed=True, shuffled=True, seed=0)
    again = friends_of(given, USERS, directed=True, shuffled=True, seed=0)
    assert order.equals(again)
    assert set(order["user"]) <= {0, 1, 2}
    others = {
        friends_of(given, USERS, directed=True, shuffled=True, seed=s).rows().__str__()
        for s in range(9)
    }
    assert len(others) > 1


def test_strangers_are_refused():
    with pytest.raises(DataError, match="no two of the 5 users, such as 'a', are friends"):
        friends_of(pairs("xy"), USERS, **AS_GIVEN)


def test_pairs_come_from_a_file_or_from_a_column(tmp_path):
    file = tmp_path / "friends.dat"
    file.write_text("userID\tfriendID\na\tb\na\tb\nb\tc\n")
    assert pairs_in_file(str(file), user="userID", friend="friendID").rows() == [
        ("a", "b"),
        ("b", "c"),
    ]
    table = USERS.with_columns(friends=pl.Series([["b"], ["c", "b"], None, [], None]))
    assert pairs_in_table(table, "friends").rows() == [("a", "b"), ("b", "c"), ("b", "b")]
    text = USERS.with_columns(friends=pl.Series(["b|c", "c|a", None, "a|b", None]))
    assert len(pairs_in_table(text, "friends")) == 6
    with pytest.raises(DataError, match="no column 'peers'"):
        pairs_in_table(USERS, "peers")


def test_items_weigh_as_friends_have_them():
    """a: b has {1, 2}, c has {2, 3, 4}, d has nothing, so it doesn't count."""
    friends = friends_of(pairs("ab", "ac", "ad", "bd"), USERS, **AS_GIVEN)
    had = own({9}, {1, 2}, {2, 3, 4}, set(), set())
    item_UM, weight_UM = items_of_friends(friends, had, n_users=5, n_items=9, most=10)
    assert item_UM[0].tolist() == [2, 1, 3, 4]
    torch.testing.assert_close(weight_UM[0], torch.tensor([5 / 12, 3 / 12, 2 / 12, 2 / 12]))
    assert not item_UM[1:].any() and not weight_UM[1:].any()
    item_UM, weight_UM = items_of_friends(friends, had, n_users=5, n_items=9, most=2)
    torch.testing.assert_close(weight_UM[0], torch.tensor([5 / 8, 3 / 8]))


def test_training_begins_without_friends_and_then_adds_their_mean():
    module = component("embedding", "friends").eval()
    told = history(3, 9, -1)
    assert torch.equal(module(told), module.of(told))
    torch.nn.init.normal_(module.weight_DD)
    added = module(told) - module.of(told)
    had = module.table()[1] * DIM**0.5  # that is all the friends of user 3 have
    torch.testing.assert_close(added[0], (module.weight_DD @ had).expand(3, DIM))
    assert not added[1:].any()  # no friends; nobody that the data knows
    parts = module.summands(told)
    torch.testing.assert_close(parts["item"] + parts["friends"], module(told))


def test_friends_stand_beside_features_too():
    features = {"_target_": "seqrec.embedding.features.FeatureEmbedding", "dim": DIM}
    module = embedded(of=features | {"features": ["brand"]})
    assert module(history(0, 1)).shape == (2, 3, DIM)
    assert set(module.summands(history(0))) == {"item", "item.brand", "friends"}
    assert module.table().shape == (ITEMS + 1, DIM)


def test_a_checkpoint_brings_the_friends_back():
    module = embedded()
    facts = FACTS | {"users": None, "own_items": None}
    again = FriendsEmbedding(
        n_users=len(USER_TABLE),
        n_items=ITEMS,
        own_items=facts["own_items"],
        users=facts["users"],
        of=component("embedding", "id"),
        dim=DIM,
    ).eval()
    again.load_state_dict(module.state_dict())
    assert torch.equal(again(history(0, 3)), module(history(0, 3)))
