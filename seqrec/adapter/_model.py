"""What every adapter has in common: what is trained, loading an unadapted model, and merging."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from seqrec.errors import ConfigError
from seqrec.model import SequenceModel

Module = TypeVar("Module", bound=nn.Module)


class Adapter(Protocol):
    """Adds parameters to a model, in place, so that it answers exactly as before.

    These are trained, and of the model's own parameters those that `train` names.
    """

    train: list[str]  # names of parameters, or of modules for all parameters in them

    def __call__(self, model: SequenceModel) -> None: ...


def adapt(model: SequenceModel, adapter: Adapter) -> SequenceModel:
    """Apply an adapter to a model: all that it doesn't train needs no gradient from here on.

    The adapted model also loads the weights of one that isn't adapted: what the adapter added then
    keeps its values.

    Raises:
        ConfigError: `adapter.train` names what the model doesn't have, or nothing is trained.
    """
    own = {id(value): name for name, value in model.state_dict(keep_vars=True).items()}
    parameters = dict(model.named_parameters())
    wanted = chosen(parameters, adapter.train)
    adapter(model)
    kept, added = {}, []
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) in own:
            kept[own[id(value)]] = name
        else:
            added.append(name)
    trained = {*(kept[name] for name in wanted), *added}
    if not trained:
        raise ConfigError(
            "nothing would be trained", where="adapter.train", todo="name parts: [embedding, head]"
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in trained)
    if added:
        hook = _Unadapted(kept, added)
        model.register_load_state_dict_pre_hook(hook)
        model.unadapted = hook  # type: ignore[assignment]
    return model


def renamed(state: Mapping[str, Tensor], model: SequenceModel) -> dict[str, Tensor]:
    """Return the weights of an unadapted model by the names that they have in `model`."""
    hook = getattr(model, "unadapted", None)
    names = hook.kept if isinstance(hook, _Unadapted) else {}
    return {names.get(name, name): value for name, value in state.items()}


def chosen(names: Iterable[str], wanted: list[str]) -> set[str]:
    """Return the parameters that are named, or that lie in modules that are named.

    Raises:
        ConfigError: the model has none of a name.
    """
    names = list(names)
    found = set()
    for each in wanted:
        within = {name for name in names if f"{name}.".startswith(f"{each}.")}
        if not within:
            parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))
            raise ConfigError(
                f"the model has no parameters in {each!r}",
                where="adapter.train",
                todo=f"name parts of it: {parts}, or parameters such as {names[0]}",
            )
        found |= within
    return found


def merged(module: Module) -> Module:
    """Return the module with all parametrized weights computed once: a copy, if it has any.

    A low-rank change becomes part of its matrix. A bottleneck isn't linear and stays.
    """
    if not any(parametrize.is_parametrized(part) for part in module.modules()):
        return module
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.RNNBase):
                part._init_flat_weights()  # it holds weights of a graph, which can't be copied
        module = copy.deepcopy(module)
        for part in [part for part in module.modules() if parametrize.is_parametrized(part)]:
            _settle(part)
    return module


def _settle(part: nn.Module) -> None:
    """Make the parametrized weights of a module its own.

    torch's ``remove_parametrizations`` would take them from the copied module as well: both have
    one class.
    """
    names = list(part.parametrizations)  # type: ignore[arg-type]
    weights = {name: getattr(part, name).clone() for name in names}
    del part.parametrizations
    part.__class__ = type(part).__bases__[0]
    for name, weight in weights.items():
        part.register_parameter(name, nn.Parameter(weight))
    if isinstance(part, nn.RNNBase):
        part._init_flat_weights()


class _Unadapted:
    """Lets an adapted model load the weights of one without its adapter.

    Args:
        kept: names of the model's own tensors, before and after it was adapted.
        added: names of the adapter's tensors.
    """

    def __init__(self, kept: dict[str, str], added: list[str]) -> None:
        self.kept, self.added = kept, added

    def __call__(self, model: nn.Module, state: dict[str, Tensor], prefix: str, *_: Any) -> None:
        """Rename the tensors of `state`, and add the adapter's as they are."""
        if any(f"{prefix}{name}" in state for name in self.added):
            return
        before = {name: state.pop(f"{prefix}{name}", None) for name in self.kept}
        state |= {
            f"{prefix}{self.kept[name]}": value
            for name, value in before.items()
            if value is not None
        }
        now = model.state_dict()
        state |= {f"{prefix}{name}": now[name] for name in self.added}
