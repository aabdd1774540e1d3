"""Explainers by name, and the models that they can explain."""

from seqrec.config.choose import Choice
from seqrec.errors import ConfigError
from seqrec.model import BaselineModel, SequenceModel
from seqrec.question import Explainer, able

EXPLAINERS = Choice("explainer", key="method", several="methods")


def check_able(name: str, explainer: Explainer, model: SequenceModel | BaselineModel) -> None:
    """Refuse a model that lacks what an explainer needs.

    Raises:
        ConfigError: it does.
    """
    if able(model, explainer.needs):
        return
    what = "a model with vectors" if explainer.needs == "vectors" else "an encoder with attention"
    has = "a baseline" if isinstance(model, BaselineModel) else type(model.encoder).__name__
    raise ConfigError(
        f"{name} needs {what}, and this run has {has}",
        where=f"method={name}",
        todo="choose one that asks any model: method=leave_one_out or method=shapley",
    )
