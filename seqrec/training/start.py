"""The weights that a new run begins with: those of a finished run, on these data or others."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import torch
from torch import Tensor

from seqrec.adapter import merged, renamed
from seqrec.config.schema import Root
from seqrec.context.events import USER, Events
from seqrec.embedding.features import Feature
from seqrec.errors import ConfigError, RunError
from seqrec.facts import Facts
from seqrec.model import SequenceModel
from seqrec.recommend.built import facts_of
from seqrec.recommend.data import find_data
from seqrec.recommend.finished import open_finished
from seqrec.recommend.load import parts_of
from seqrec.run.audited import weights_hash
from seqrec.run.folder import RunFolder
from seqrec.store.store import SequenceStore
from seqrec.training.carry import Carry, by_name

SHOWN = 4  # names of tables in a line


@dataclass(frozen=True)
class Begun:
    """What a run took over from the one that it begins with.

    Args:
        run: its folder.
        weights: sha256 of its best checkpoint.
        items: how many items of this run's data it knows.
        of: how many there are.
        taken: the tables that were taken over, by name.
        anew: those that it lacks, which begin as in any new run.
        left: those of it that this model lacks.
    """

    run: str
    weights: str
    items: int
    of: int
    taken: list[str]
    anew: list[str]
    left: list[str]

    def text(self) -> str:
        """Return it in words."""
        told = f"with the weights of {self.run}: {self.items:,} of {self.of:,} items, "
        told += f"{len(self.taken)} tables"
        told += f"; anew: {_listed(self.anew)}" if self.anew else ""
        return told + (f"; left: {_listed(self.left)}" if self.left else "")


@dataclass(frozen=True)
class _Earlier:
    folder: RunFolder
    config: Root
    model: SequenceModel
    items: pl.Series
    facts: Facts


def begin_from(
    place: str, model: SequenceModel, store: SequenceStore, config: Root, facts: Facts
) -> Begun:
    """Give a new model the weights of a finished run.

    A table with a row per item (a suffix such as ``_VD``: see ``seqrec/shapes.py``) takes the rows
    of items with the same original id, one of users (``_UD``) likewise, and vectors of categories
    go by their names, those of positions by number. What the data says of items (their features'
    codes) isn't taken over. Rows and tables that the run lacks stay as they are.

    Args:
        place: the run's folder.
        model: the new model, changed in place.
        store: the new run's data.
        config: the new run's configuration.
        facts: of the new run's data.

    Raises:
        RunError: the run isn't finished or is damaged, or a table of the same name has another
            shape.
        ConfigError: it isn't that of a trained model.
    """
    earlier = _read(place, config)
    ids = store.items()["item"]
    old = renamed(_renamed(merged(earlier.model), model), model)
    new = dict(model.state_dict())
    carries = dict(_carries(earlier, model, store, facts))
    of_data = {name for name, _ in model.named_buffers() if _rows(name) in ("V", "U")}
    taken = [name for name in new if name in old and name not in of_data]
    for name in taken:
        carry = carries.get(name)
        fixed = 0 if carry is None else 1  # the first size that rows going by names don't change
        if old[name].shape[fixed:] != new[name].shape[fixed:]:
            raise RunError(
                f"the run's {name} has another shape, {_told(old[name])}, {_told(new[name])} here",
                where=f"checkpoint={place}",
                todo="set the sizes that the run has, or leave checkpoint out",
            )
        new[name] = old[name].clone() if carry is None else carry(old[name], new[name])
    model.load_state_dict(new)
    weights = {name for name in new if name not in of_data}
    lacking = [
        name for name, p in model.named_parameters() if not p.requires_grad and name not in old
    ]
    if lacking:
        raise RunError(
            f"the adapter doesn't train {_listed(lacking)}, which the run lacks",
            where=f"checkpoint={place}",
            todo="choose the model of the run, or add these to adapter.train",
        )
    return Begun(
        run=place,
        weights=weights_hash(earlier.folder),
        items=int(ids.is_in(earlier.items.implode()).sum()),
        of=len(ids),
        taken=taken,
        anew=sorted(weights - set(taken)),
        left=sorted(old.keys() - new.keys()),
    )


def _read(place: str, config: Root) -> _Earlier:
    folder = open_finished(place, config, where="checkpoint")
    parts = parts_of(folder)
    if not isinstance(parts["model"], SequenceModel):
        raise ConfigError(
            f"{parts['model'].title}: it has no weights to begin with",
            where=f"checkpoint={place}",
            todo="name the run of a trained model",
        )
    items = parts["catalogue"]["item"]
    return _Earlier(folder, parts["config"], parts["model"], items, facts_of(folder))


def _renamed(old: SequenceModel, new: SequenceModel) -> dict[str, Tensor]:
    """Return the old model's state; parts of its context have the places of the new one's."""
    state = dict(old.state_dict())
    if not isinstance(old.context, Events) or not isinstance(new.context, Events):
        return state
    place = {f"context.parts.{at}": column for at, column in enumerate(old.context.columns)}
    to = {column: f"context.parts.{at}" for at, column in enumerate(new.context.columns)}
    found: dict[str, Tensor] = {}
    for name, value in state.items():
        part, _, parameter = name.rpartition(".")
        column = place.get(part)
        found[f"{to.get(column, column)}.{parameter}" if column is not None else name] = value
    return found


def _carries(
    earlier: _Earlier, model: SequenceModel, store: SequenceStore, facts: Facts
) -> Iterator[tuple[str, Carry]]:
    """Yield the names of tables whose rows go by names, and how they go over."""
    items = by_name(earlier.items.to_list(), store.items()["item"].to_list(), anew=True)
    names = [name for name, _ in model.named_parameters()]
    yield from ((name, items) for name in names if _rows(name) == "V")
    yield from ((name, _first_rows) for name in names if name.endswith("position.weight"))
    for name, part in model.named_modules():
        if isinstance(part, Feature):
            before = dict(earlier.model.named_modules()).get(name)
            if isinstance(before, Feature):
                yield f"{name}.weight_CD", _by_items(before.code_VM, part.code_VM, items)
                yield f"{name}.weight_FD", _if_equal(before.value_VF, part.value_VF, items)
    columns = model.context.columns if isinstance(model.context, Events) else []
    own = [name for name in names if _rows(name) == "U"]
    own += [f"context.parts.{at}.weight_CD" for at, c in enumerate(columns) if c == USER]
    if own:
        yield from ((name, _users(earlier, store)) for name in own)
    for at, column in enumerate(columns):
        then, now = (f.events.get(column) for f in (earlier.facts, facts))
        if then is not None and now is not None and now.categories is not None:
            carry = by_name(then.categories or [], now.categories, anew=True)
            yield f"context.parts.{at}.weight_CD", carry


def _users(earlier: _Earlier, store: SequenceStore) -> Carry:
    """Return how rows of users go over; their names are in the data of both runs.

    Raises:
        DataError: the data of the earlier run can't be read any more.
        RunError: it has changed.
    """
    then = store
    if earlier.folder.about()["data_hash"] != store.data_hash:
        then = find_data(earlier.folder, earlier.config)
    return by_name(then.users()["user"].to_list(), store.users()["user"].to_list(), anew=True)


def _first_rows(old: Tensor, new: Tensor) -> Tensor:
    """Return the table with as many of the first rows as both have: positions of any number."""
    rows, both = new.clone(), min(len(old), len(new))
    rows[:both] = old[:both]
    return rows


def _by_items(old_VM: Tensor, new_VM: Tensor, items: Carry) -> Carry:
    """Return how vectors of codes go over: a code is what it is at the items that both data have.

    Of several earlier codes the most frequent counts.
    """

    def carry(old_CD: Tensor, new_CD: Tensor) -> Tensor:
        width = min(old_VM.shape[1], new_VM.shape[1])
        then = items(old_VM[:, :width], torch.zeros_like(new_VM[:, :width])).flatten().long()
        now = new_VM[:, :width].flatten().long()
        both = (now > 0) & (then > 0)
        pair, count = torch.unique(now[both] * len(old_CD) + then[both], return_counts=True)
        pair = pair[count.argsort(stable=True)]  # the most frequent is written last
        rows_CD = new_CD.clone()
        rows_CD[pair // len(old_CD)] = old_CD[pair % len(old_CD)]
        return rows_CD

    return carry


def _if_equal(old_VF: Tensor, new_VF: Tensor, items: Carry) -> Carry:
    """Return how maps of numbers go over: where the items of both data have the same numbers."""

    def carry(old_FD: Tensor, new_FD: Tensor) -> Tensor:
        same = old_VF.shape[1] == new_VF.shape[1] and torch.allclose(items(old_VF, new_VF), new_VF)
        return (old_FD if same else new_FD).clone()

    return carry


def _listed(names: list[str]) -> str:
    """Return some of the names; ``run.json`` has all."""
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" * (len(names) > SHOWN))


def _rows(name: str) -> str:
    """Return what the rows of a table are, the first letter of its suffix: V items, U users."""
    return name.rpartition("_")[2][:1]


def _told(tensor: Tensor) -> Any:
    return " x ".join(map(str, tensor.shape)) or "one number"
