"""The picture of a head that decides how far back it looks."""

import pytest
import torch
from helpers.questions import ROW, question, trained

from seqrec.explain.show.reach import reach

NAMES = [f"title {n}" for n in ROW]


def test_it_shows_the_mean_distance_and_the_share_of_attention_after_each_event():
    model = trained(head="adaptive")
    model.head.fade.bias.data.fill_(-50.0)  # no event counts less for being far
    model.head.score.weight.data.zero_()
    [chart] = reach(question(model), model, NAMES)
    back, share = chart.variants
    assert back.figure["data"][0]["y"] == pytest.approx([t / 2 for t in range(len(ROW))])
    states = model.states(question(model).vectors(), question(model).history)
    wanted = torch.sigmoid(model.head.share(states[0][0]))[:, 0].tolist()
    assert share.figure["data"][0]["y"] == pytest.approx(wanted, abs=1e-3)
    assert [row[0] for row in share.sheet.rows] == NAMES


def test_other_heads_have_no_such_picture():
    model = trained(head="additive")
    assert reach(question(model), model, NAMES) == []
