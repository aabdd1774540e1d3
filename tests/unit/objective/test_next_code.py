"""The loss of codes, worked by a loop, and what it says about items."""

import pytest
import torch
from helpers.batches import train_batch
from helpers.components import component
from helpers.experiments import root

from seqrec.config.check.combine import conflicts
from seqrec.config.typed import plain_values
from seqrec.model import SequenceModel
from seqrec.objective.next_code import NextCode

LENGTHS = [1, 5, 3]


def model():
    torch.manual_seed(1)
    return SequenceModel(
        embedding=component("embedding", "codes", codes=2, size=4, std=1.0),
        encoder=component("encoder", "gru"),
        head=component("head", "additive"),
        scorer=component("scorer", "tied"),
    ).eval()


def objective(share):
    return NextCode(loss=component("loss", "cross_entropy"), negatives=None, share=share)


def test_the_loss_is_that_of_every_code_by_itself():
    batch, made = train_batch(LENGTHS), model()
    loss, targets, _ = objective(1.0)(made, batch)
    u_BLD, books = made(batch.history), made.embedding.codebooks()
    each = []
    for row, length in enumerate(LENGTHS):
        for t in range(min(1, length - 1), length):
            codes = made.embedding.code_VC[batch.target_BL[row, t]].tolist()
            for level, code in enumerate(codes):
                each.append(-(books[level] @ u_BLD[row, t]).log_softmax(0)[code])
    assert targets == len(each) // 3
    torch.testing.assert_close(loss, torch.stack(each).sum() / targets)


def test_an_item_scores_as_probable_as_its_codes_but_for_a_number_of_all():
    made = model()
    query_BD = torch.randn(4, 8)
    log_p_BCK = torch.einsum("bd,ckd->bck", query_BD, made.embedding.codebooks()).log_softmax(2)
    code_VC = made.embedding.code_VC[1:].long()
    whole_BV = sum(log_p_BCK[:, level, code_VC[:, level]] for level in range(3))
    score_BV = made.catalogue().block(query_BD, 1, len(made.embedding.code_VC))
    apart_BV = score_BV - whole_BV
    torch.testing.assert_close(apart_BV, apart_BV[:, :1].expand_as(apart_BV), atol=1e-4, rtol=0)


def test_a_share_is_a_mean_of_two_losses():
    batch, made = train_batch(LENGTHS), model()
    of_codes, of_items, both = (objective(share)(made, batch) for share in (1.0, 0.0, 0.25))
    torch.testing.assert_close(both[0], 0.25 * of_codes[0] + 0.75 * of_items[0])
    assert list(both[2]) == ["next_code", "next_item"]


@pytest.mark.parametrize("other", ["embedding=id", "embedding=features", "scorer=mlp"])
def test_items_without_codes_are_refused_by_name(other):
    rest = () if "embedding" in other else ("embedding=codes",)
    told = [*conflicts(plain_values(root("objective=next_code", other, *rest)))]
    assert any("objective=NextCode needs" in each for each in told)
    assert not [*conflicts(plain_values(root("objective=next_code", "embedding=codes")))]
