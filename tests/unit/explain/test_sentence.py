"""The counterfactual in words."""

import pytest
import torch
from helpers.questions import baseline, question

from seqrec.explain.choose import EXPLAINERS
from seqrec.explain.sentence import counterfactual, ordinal


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"),
     (21, "21st"), (102, "102nd"), (111, "111th"), (1_013, "1,013th"), (1_023, "1,023rd")],
)  # fmt: skip
def test_ordinals(number, word):
    assert ordinal(number) == word


def told(**given):
    asked = question(baseline())
    titles = [f"t{item}" for item in asked.history.item_BL[0].tolist()]
    rank = int(asked.ranks(torch.ones(1, len(asked), dtype=torch.bool)).item())
    node = EXPLAINERS.settings_of(["counterfactual"], {})["counterfactual"]
    arguments = {"title": "goal", "rank": rank, "titles": titles, "k": 1, **given}
    return counterfactual(asked, node, **arguments)


def test_the_sentence_names_the_events_and_the_new_place():
    words = told()
    text = "".join(words)
    assert text.startswith("without t") and words[-2] == "goal"
    assert words[-1].startswith(" would be ") and len(words) % 2


def test_events_of_one_title_are_counted():
    text = "".join(told(titles=["same"] * 6))
    assert text.startswith("without same") and " and same" not in text


def test_an_item_that_is_not_in_the_list_can_not_leave_it():
    assert (
        "".join(told(rank=4, k=3)) == "goal is 4th, not among the first 3, so it can't leave them"
    )
