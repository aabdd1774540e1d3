"""What a question refuses, and what a game means."""

from dataclasses import replace

import pytest
import torch
from helpers.questions import ROW, baseline, one_user, question, trained

from seqrec.errors import ConfigError, DataError, RunError
from seqrec.explainer.integrated_gradients import IntegratedGradients
from seqrec.explainer.leave_one_out import LeaveOneOut
from seqrec.question import Explanation


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": 21}, r"index 21 isn't in the catalogue\n  where: target\n  fix: use 1 to 20"),
        ({"target": 0}, "index 0 isn't in the catalogue"),
        ({"target": 3}, "is in the history"),
        ({"target": 4, "instead": 3}, r"is in the history.*\n  where: instead"),
        ({"target": 4, "instead": 4}, "compared with itself"),
    ],
)
def test_an_item_that_cannot_be_recommended_is_refused(changes, words):
    with pytest.raises(DataError, match=words):
        question(trained(), **changes)


def test_an_item_of_the_history_is_explained_where_items_are_recommended_again():
    assert len(LeaveOneOut()(question(trained(), target=3, mask_seen=False)).weight_L) == len(ROW)


def test_an_item_that_training_never_saw_is_refused():
    asked = question(trained(), target=5)
    asked.policy.ranked_V[5] = False
    with pytest.raises(DataError, match="training never saw it, or a filter leaves it out"):
        replace(asked, size=1)


def test_a_history_without_events_is_refused():
    with pytest.raises(DataError, match="no event"):
        question(trained(), one_user([0]), target=4)


def test_scores_and_weights_that_are_not_numbers_are_refused():
    model = trained()
    asked = question(model)
    torch.nn.init.constant_(model.embedding.weight_VD, torch.nan)
    for explainer in (LeaveOneOut(), IntegratedGradients()):
        with pytest.raises(RunError, match="aren't finite numbers"):
            explainer(asked)
    with pytest.raises(RunError, match="aren't finite numbers"):
        Explanation(torch.tensor([torch.nan]), asked=0)


def test_a_game_or_baseline_that_cannot_be_played_is_refused():
    with pytest.raises(ConfigError, match=r"ItemKNN is a baseline.*\n.*\n.*leave_one_out"):
        LeaveOneOut(game="mask")(question(baseline()))
    with pytest.raises(ConfigError, match="baseline=items"):
        IntegratedGradients(baseline="users")(question(trained()))


def test_taking_the_other_away_is_the_difference_of_both():
    model, keep = trained(), torch.ones(1, len(ROW)) > 0
    one, two = (question(model, target=item).values(keep) for item in (4, 5))
    both = question(model, target=4, instead=5).values(keep)
    torch.testing.assert_close(both, one - two)
