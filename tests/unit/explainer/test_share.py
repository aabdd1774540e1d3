"""What each event adds to the score through a head that sums inputs."""

import pytest
import torch
from helpers.components import component, names
from helpers.questions import ROW, one_user, question, trained

from seqrec.explainer.share import Share

LAST = torch.tensor([len(ROW) - 1])


def test_a_share_is_attention_times_the_value_in_the_direction_of_the_item():
    model = trained(head="inputs")
    asked = question(model)
    said = Share()(asked)
    x_1LD = asked.vectors()
    [alpha_L] = model.head.weights(model.encoder(x_1LD, asked.history), x_1LD, LAST)
    value_LD, item_D = model.head.value(x_1LD[0]), model.embedding.table()[asked.target]
    torch.testing.assert_close(said.weight_L, (alpha_L * (value_LD @ item_D)).double())
    score = asked.values(torch.ones(1, len(ROW)) > 0)
    torch.testing.assert_close(said.weight_L.sum(), score[0])  # all of it, and nothing else
    assert said.error < 1e-5


@pytest.mark.parametrize("scorer", sorted({*names("scorer")} - {"cosine"}))
def test_shares_sum_to_the_score_for_scorers_that_arent_linear(scorer):
    assert Share()(question(trained(head="inputs", scorer=scorer))).error <= 0.01


def test_what_a_scorer_doesnt_see_has_no_part_in_the_sum():
    """A cosine doesn't know how long a summary is, so all shares sum to nothing, and it says so."""
    said = Share()(question(trained(head="inputs", scorer="cosine")))
    assert said.error > 0.1


def test_shares_of_columns_sum_to_those_of_events():
    context = component("context", "events")
    for parameter in context.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    history = one_user(rating=torch.ones(1, len(ROW)), timestamp=torch.zeros(1, len(ROW)).long())
    said = Share()(question(trained(head="inputs", context=context), history))
    assert {"item", "event.rating"} <= set(said.column_L)
    torch.testing.assert_close(sum(said.column_L.values()), said.weight_L)
