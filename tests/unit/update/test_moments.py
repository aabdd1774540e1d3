"""The optimizer of an update goes on where that of the run before was."""

import copy
from types import SimpleNamespace

import torch

from seqrec.training.carry import by_name
from seqrec.update.moments import grown_moments, moments_of, warm


class Tables(torch.nn.Module):
    def __init__(self, items, users):
        super().__init__()
        self.item_VD = torch.nn.Parameter(torch.ones(items + 1, 2))
        self.user_UD = torch.nn.Parameter(torch.ones(users + 1, 2))
        self.fixed_D = torch.nn.Parameter(torch.ones(2), requires_grad=False)
        self.mix_DD = torch.nn.Parameter(torch.ones(2, 2))


def checkpoint(model, kind=torch.optim.Adam):
    """That of a model after two steps with gradients that differ by row."""
    optimizer = kind([weight for weight in model.parameters() if weight.requires_grad], lr=0.1)
    for _ in range(2):
        for weight in model.parameters():
            if weight.requires_grad:
                weight.grad = torch.arange(float(weight.numel())).view_as(weight)
        optimizer.step()
    return {"optimizer_states": [copy.deepcopy(optimizer.state_dict())]}, optimizer


def test_rows_go_where_their_weights_go_and_new_items_have_the_mean():
    old, new = Tables(items=3, users=2), Tables(items=5, users=3)
    content, _ = checkpoint(old)
    before = SimpleNamespace(model=old, known_V=torch.tensor([False, True, True, False]))
    carries = {"user_UD": by_name(["a", "b"], ["b", "c", "a"])}
    moments = grown_moments(moments_of(content, old), before, new, carries)
    optimizer = torch.optim.Adam([new.item_VD, new.user_UD, new.mix_DD])
    warm(optimizer, new, moments)
    of = {name: optimizer.state.get(weight) for name, weight in new.named_parameters()}
    was = content["optimizer_states"][0]["state"]
    assert of["item_VD"]["step"] == 2 and of["fixed_D"] is None
    for key in ("exp_avg", "exp_avg_sq"):
        item_VD, user_UD = of["item_VD"][key], of["user_UD"][key]
        assert torch.equal(item_VD[:4], was[0][key])
        assert torch.equal(item_VD[4:], was[0][key][1:3].mean(0).expand(2, 2))
        assert torch.equal(user_UD[[1, 3]], was[1][key][[2, 1]]) and not user_UD[2].any()
        assert torch.equal(of["mix_DD"][key], was[2][key])


def test_a_grown_model_that_has_not_grown_steps_as_if_nothing_had_happened():
    old, new = Tables(items=3, users=2), Tables(items=3, users=2)
    content, optimizer = checkpoint(old, torch.optim.Adagrad)
    new.load_state_dict(old.state_dict())
    before = SimpleNamespace(model=old, known_V=torch.tensor([False, True, True, True]))
    after = torch.optim.Adagrad([w for w in new.parameters() if w.requires_grad], lr=0.1)
    warm(after, new, grown_moments(moments_of(content, old), before, new, {}))
    for one, other in zip(old.parameters(), new.parameters(), strict=True):
        if one.requires_grad:
            one.grad, other.grad = torch.ones_like(one), torch.ones_like(other)
    optimizer.step()
    after.step()
    for one, other in zip(old.parameters(), new.parameters(), strict=True):
        assert torch.equal(one, other)


def test_without_an_optimizer_or_with_that_of_others_it_begins_anew():
    model = Tables(items=3, users=2)
    content, _ = checkpoint(Tables(items=4, users=2))
    assert moments_of({}, model) == {} == moments_of(content, model)
