"""The smallest set of events without which an item leaves the list."""

from itertools import combinations

import pytest
import torch
from helpers.questions import ROW, one_user, question, trained

from seqrec.errors import ConfigError
from seqrec.explainer.counterfactual import Counterfactual

LONG = [3, 1, 3, 2, 7, 8, 11, 12]


def rank_without(asked, events, item_L=None):
    keep = torch.ones(1, len(asked), dtype=torch.bool)
    keep[0, list(events)] = False
    return asked.ranks(keep, item_L).item()


def smallest(asked, k):
    """The size of the smallest set that takes the item out of the first k, by all subsets."""
    for size in range(1, len(asked) + 1):
        sets = combinations(range(len(asked)), size)
        if any(rank_without(asked, events) > k for events in sets):
            return size
    return None


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 4, 7])
@pytest.mark.parametrize("given", [{}, {"exhaustive": 1}, {"most": 1}], ids=str)
def test_no_smaller_set_and_no_subset_does(k, given):
    asked = question(trained("lstm"), one_user(LONG))
    said = Counterfactual(k=k, **given)(asked)
    size = smallest(asked, k)
    assert said.about["found"] == (size is not None)
    if size is None:
        assert not said.weight_L.any()
        return
    events = said.about["events"]
    assert said.weight_L.nonzero().flatten().tolist() == events
    assert said.about["rank_without"] == rank_without(asked, events) > k
    for fewer in range(len(events)):
        assert all(rank_without(asked, each) <= k for each in combinations(events, fewer))
    assert said.about["smallest"] or given
    assert len(events) == size or not said.about["smallest"]


def test_events_are_replaced_by_items_that_could_be_recommended():
    asked = question(trained("lstm"))
    about = Counterfactual(k=1, edit="replace")(asked).about
    assert about["found"] and len(about["replaced_by"]) == len(about["events"])
    assert not {asked.target, *ROW} & set(about["replaced_by"])
    item_L = torch.zeros(len(ROW), dtype=torch.int64)
    item_L[about["events"]] = torch.tensor(about["replaced_by"])
    assert rank_without(asked, about["events"], item_L) == about["rank_without"] > 1


def test_a_list_with_a_place_for_every_item_is_refused():
    with pytest.raises(ConfigError, match=r"only 15 items can be recommended.*\n.*\n.*k below 15"):
        Counterfactual(k=15)(question(trained()))


def test_an_item_that_is_not_in_the_list_is_refused():
    asked = question(trained())
    ranks = {item: question(trained(), target=item) for item in range(9, 21)}
    last = max(ranks.values(), key=lambda each: each.ranks(torch.ones(1, 6) > 0).item())
    rank = last.ranks(torch.ones(1, len(asked)) > 0).item()
    with pytest.raises(ConfigError, match=f"rank is {rank}.*\n.*\n.*k={rank}"):
        Counterfactual(k=3)(last)


def test_two_items_change_places_without_the_events():
    model = trained("lstm")
    first = question(model)
    asked = question(model, target=first.target, instead=20)
    about = Counterfactual()(asked).about
    keep = torch.ones(1, len(ROW), dtype=torch.bool)
    assert about["found"] and about["lead"] == asked.values(keep).item() > 0
    keep[0, about["events"]] = False
    assert about["lead_without"] == asked.values(keep).item() < 0
    with pytest.raises(ConfigError, match="isn't ahead"):
        Counterfactual()(question(model, target=20, instead=first.target))
