"""The weights of a run, carried over to a model with more items and users."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn

from seqrec.context.events import USER, Events
from seqrec.contracts import Fresh, Growth
from seqrec.embedding.codes import CodeEmbedding
from seqrec.embedding.features import Feature
from seqrec.embedding.friends import FriendsEmbedding
from seqrec.errors import RunError
from seqrec.facts import Facts
from seqrec.model import SequenceModel
from seqrec.store.store import SequenceStore
from seqrec.store.views import View
from seqrec.training.carry import Carry, by_name


@dataclass(frozen=True)
class Before:
    """A run that is updated, as far as its weights need to know.

    Args:
        model: with its best weights.
        facts: of its data.
        known_V: bool (V,), the items that it trained on; False for the padding.
        users: original ids by number; null for one who is forgotten.
    """

    model: SequenceModel
    facts: Facts
    known_V: Tensor
    users: pl.Series


def transferred(
    before: Before,
    model: SequenceModel,
    facts: Facts,
    *,
    store: SequenceStore,
    train: View,
    growth: Growth,
) -> dict[str, Tensor]:
    """Return the state of `model` that answers as the run before did.

    Every table with a row per item (a suffix such as ``_VD``: see ``seqrec/shapes.py``) keeps its
    rows, and `growth` makes those of new items. Rows of users and of the categories of events are
    found by their names; new ones are zero. Everything else is taken over.

    Args:
        before: the run before.
        model: the new one.
        facts: of the new data.
        store: the new data, whose items begin with those of before.
        train: its training events.
        growth: makes rows of new items.

    Raises:
        RunError: the two models differ in more than the sizes of these tables.
    """
    old, new = before.model.state_dict(), model.state_dict()
    if old.keys() != new.keys():
        raise _unlike(sorted(old.keys() ^ new.keys())[0], "one of the two models lacks it")
    fresh = _fresh(before, facts, store, train)
    carries = dict(carries_of(before, model, facts, store))
    state = {}
    for name, value in new.items():
        if name in carries:
            state[name] = carries[name](old[name], value)
        elif name.rpartition("_")[2].startswith("V"):
            state[name] = _grown(old[name], len(value), fresh, growth)
        elif old[name].shape == value.shape:
            state[name] = old[name].clone()
        else:
            raise _unlike(name, f"it has another shape, {tuple(value.shape)}")
    return state


def _fresh(before: Before, facts: Facts, store: SequenceStore, train: View) -> Fresh:
    """Describe new items, and those that only this run trains on."""
    assert facts.item_count_V is not None
    size = facts.n_items + 1
    known_V = torch.zeros(size, dtype=torch.bool)
    known_V[: len(before.known_V)] = before.known_V
    new_V = ~known_V & (facts.item_count_V > 0)
    new_V[len(before.known_V) :] = True
    position = train.positions()
    user = np.repeat(train.user, train.end - train.start)
    item = np.asarray(store.item[position])
    has = np.zeros(store.n_users, dtype=bool)
    has[user[new_V.numpy()[item]]] = True
    near = has[user]
    return Fresh(
        item_N=new_V.nonzero().flatten(),
        known_V=known_V,
        item_E=torch.from_numpy(item[near].astype(np.int64)),
        user_E=torch.from_numpy(user[near].astype(np.int64)),
        items=lambda: store.items(),
    )


def _grown(old: Tensor, size: int, fresh: Fresh, growth: Growth) -> Tensor:
    """Return a table with the rows of before, and new ones."""
    table = torch.zeros(size, *old.shape[1:], dtype=old.dtype)
    table[: len(old)] = old
    if len(fresh.item_N):
        table[fresh.item_N] = growth(table, fresh)
    return table


def carries_of(
    before: Before, model: SequenceModel, facts: Facts, store: SequenceStore
) -> Iterator[tuple[str, Carry]]:
    """Yield the names of tables whose rows don't simply follow the items, and how they go over."""
    for name, _ in model.named_buffers():
        if name.endswith("warm_V"):
            yield name, _warm
    for name, part in model.named_modules():
        if isinstance(part, CodeEmbedding):
            yield f"{name}.code_VC", _levels
        if isinstance(part, Feature):
            yield f"{name}.code_VM", _codes
            yield f"{name}.value_VF", _numbers
            yield f"{name}.weight_CD", lambda old, new: old.clone()
            yield f"{name}.weight_FD", lambda old, new: old.clone()
        if isinstance(part, FriendsEmbedding):
            yield f"{name}.item_UM", lambda old, new: new
            yield f"{name}.weight_UM", lambda old, new: new
    users = by_name(before.users.to_list(), store.users()["user"].to_list())
    for name, _ in model.named_parameters():
        if name.rpartition("_")[2].startswith("U"):
            yield name, users
    if isinstance(model.context, Events):
        for at, column in enumerate(model.context.columns):
            then, now = (f.events.get(column) for f in (before.facts, facts))
            if column == USER:
                yield f"context.parts.{at}.weight_CD", users
            elif then is not None and now is not None and now.categories is not None:
                carry = by_name(then.categories or [], now.categories)
                yield f"context.parts.{at}.weight_CD", carry


def _warm(old: Tensor, new: Tensor) -> Tensor:
    """Items that had training events still do."""
    new = new.clone()
    new[: len(old)] = torch.maximum(new[: len(old)], old)
    return new


def _codes(old_VM: Tensor, new_VM: Tensor) -> Tensor:
    """Return codes as before, new items with the codes that their values had; 0 for new values.

    A value has another code once there are more items. Which it was is seen at the items of before.
    """
    if not old_VM.numel():
        return old_VM.clone()
    width = min(old_VM.shape[1], new_VM.shape[1])
    then, now = old_VM[:, :width].flatten().long(), new_VM[: len(old_VM), :width].flatten().long()
    size = int(old_VM.max()) + 1
    pair, count = torch.unique((now * size + then)[(now > 0) & (then > 0)], return_counts=True)
    order = count.argsort(stable=True)  # of several codes the most frequent is written last
    code = torch.zeros(int(new_VM.max()) + 1, dtype=old_VM.dtype)
    code[pair[order] // size] = (pair[order] % size).to(old_VM.dtype)
    table = torch.zeros(len(new_VM), max(old_VM.shape[1], new_VM.shape[1]), dtype=old_VM.dtype)
    table[:, : new_VM.shape[1]] = code[new_VM.long()]
    table[: len(old_VM)] = 0
    table[: len(old_VM), : old_VM.shape[1]] = old_VM
    return table


def _levels(old_VC: Tensor, new_VC: Tensor) -> Tensor:
    """Return codes of vectors as before, each level by itself; see :func:`_codes`."""
    levels = [
        _codes(old_V[:, None].int() + 1, new_V[:, None].int() + 1)[:, 0] - 1
        for old_V, new_V in zip(old_VC.T, new_VC.T, strict=True)
    ]
    return torch.stack(levels, 1).clamp(min=0).to(old_VC.dtype)


def _numbers(old_VF: Tensor, new_VF: Tensor) -> Tensor:
    """Return numbers as before, those of new items in the same coordinates.

    Scales and latent dimensions change with the items. The map back is a least-squares fit on the
    items of before, and exact for scaled numbers and given vectors.
    """
    if not old_VF.numel():
        return old_VF.clone()
    ones = torch.ones(len(new_VF), 1)
    new_VF = torch.cat([new_VF, ones], dim=1).double()
    items = slice(1, len(old_VF))
    fit = torch.linalg.lstsq(new_VF[items], old_VF[items].double(), driver="gelsd").solution
    return torch.cat([old_VF, (new_VF[len(old_VF) :] @ fit).to(old_VF.dtype)])


def frozen(model: nn.Module) -> nn.Module:
    """Return the model in evaluation mode, without gradients."""
    return model.eval().requires_grad_(False)


def _unlike(name: str, why: str) -> RunError:
    return RunError(
        f"the weights of the run can't be carried over to the grown model: {name}: {why}",
        where=name,
        todo="train a new run on the new data",
    )
