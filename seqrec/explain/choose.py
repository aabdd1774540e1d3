"""Explainers by name, and the models that they can explain."""

from seqrec.config.choose import Choice
from seqrec.ensemble.model import AnyModel
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel
from seqrec.question import Explainer, able

EXPLAINERS = Choice("explainer", key="method", several="methods")
NEEDED = {
    "vectors": "a model with vectors",
    "attention": "an encoder with attention",
    "inputs": "a head that reads inputs",
}


def check_able(name: str, explainer: Explainer, model: AnyModel) -> None:
    """Refuse a model that lacks what an explainer needs.

    Raises:
        ConfigError: it does.
    """
    if able(model, explainer.needs):
        return
    what = NEEDED[explainer.needs]
    part = "head" if explainer.needs == "inputs" else "encoder"
    has = (
        type(getattr(model, part)).__name__
        if isinstance(model, SequenceModel)
        else f"none: {model.title}"
    )
    raise ConfigError(
        f"{name} needs {what}, and this run has {has}",
        where=f"method={name}",
        todo="choose one that asks any model: method=leave_one_out or method=shapley",
    )
