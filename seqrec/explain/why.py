"""The answer to "why this item?", in original ids and titles."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl
import torch

from seqrec.config.choose import Nodes
from seqrec.explain.case import TOP, Case
from seqrec.explain.choose import EXPLAINERS, check_able
from seqrec.explain.sentence import counterfactual
from seqrec.question import Explanation
from seqrec.run.audited import Audited

COUNTERFACTUAL = "counterfactual"


@dataclass(frozen=True)
class Asked:
    """An item that is explained, or compared with."""

    item: str
    title: str
    score: float
    rank: int


@dataclass(frozen=True)
class Told:
    """What a method says of the events, beside their weights."""

    fidelity: dict[str, Any]  # see Audited.fidelity
    text: str  # the same in words
    asked: int  # histories that were asked
    error: float | None  # of the sum of the weights, for a complete method
    about: dict[str, Any]


@dataclass(frozen=True)
class Why:
    """Why an item is recommended for a history.

    Args:
        target: the item.
        instead: the item that it is compared with; None: its score alone is explained.
        events: item, title, and a weight of each event by method; oldest first.
        methods: what else each method says.
        counterfactual: a sentence, as texts and titles by turns; empty: none was asked for.
        unknown: ids in the history that the catalogue lacks.
    """

    target: Asked
    instead: Asked | None
    events: pl.DataFrame
    methods: dict[str, Told]
    counterfactual: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """The counterfactual with titles between asterisks."""
        return "".join(
            f"*{text}*" if at % 2 else text for at, text in enumerate(self.counterfactual)
        )

    def plain(self) -> dict[str, Any]:
        """Return the answer as plain values, fit for JSON."""
        return {
            "target": vars(self.target),
            "instead": None if self.instead is None else vars(self.instead),
            "history": self.events.to_dicts(),
            "methods": {
                name: {
                    "fidelity": told.fidelity,
                    "asked": told.asked,
                    "error": told.error,
                    "about": told.about,
                }
                for name, told in self.methods.items()
            },
            "counterfactual": self.sentence or None,
            "unknown": self.unknown,
        }


def explain(
    case: Case,
    nodes: Nodes,
    *,
    target: str = TOP,
    instead: str | None = None,
    k: int = 10,
    audited: Audited | None = None,
) -> Why:
    """Explain an item for a history.

    Args:
        case: the history.
        nodes: settings of the methods by name; ``counterfactual`` becomes the sentence.
        target: original id of the item; ``top``: the best one.
        instead: original id of an item that it is compared with.
        k: length of the list that a counterfactual takes the item out of.
        audited: the run's audit.

    Raises:
        ConfigError: a method doesn't work for this model, or k doesn't fit the catalogue.
        DataError: an item isn't in the catalogue or can't be recommended.
        RunError: scores or weights aren't finite numbers.
    """
    recommender = case.recommender
    if COUNTERFACTUAL in nodes:
        case.check_list(k)
    item = case.index(target, where="target")
    other = None if instead is None else case.index(instead, where="instead")
    question, audit = case.question(item, other), audited or Audited(None, "not audited")
    columns, methods = {}, {}
    weighing = {name: node for name, node in nodes.items() if name != COUNTERFACTUAL}
    for name, explainer in EXPLAINERS.build(weighing).items():
        check_able(name, explainer, recommender.model)
        found = explainer(question)
        columns[name] = found.weight_L.tolist()
        methods[name] = _told(found, name, weighing[name], audit)
    events = recommender.items.table(question.history.item_BL[0].tolist(), **columns)
    explained, sentence = _asked(case, item), []
    if COUNTERFACTUAL in nodes:
        sentence = counterfactual(
            case.question(item),
            nodes[COUNTERFACTUAL],
            title=explained.title,
            rank=explained.rank,
            titles=events["title"].to_list(),
            k=k,
        )
    return Why(
        target=explained,
        instead=None if other is None else _asked(case, other),
        events=events.drop("rank"),
        methods=methods,
        counterfactual=sentence,
        unknown=case.unknown,
    )


def _asked(case: Case, index: int) -> Asked:
    question, items = case.question(index), case.recommender.items
    whole_1L = torch.ones(1, len(question), dtype=torch.bool)
    return Asked(
        items.ids[index - 1],
        items.titles[index - 1],
        question.values(whole_1L).item(),
        int(question.ranks(whole_1L).item()),
    )


def _told(found: Explanation, name: str, node: dict[str, Any], audit: Audited) -> Told:
    settings = {key: value for key, value in node.items() if not key.startswith("_")}
    return Told(
        fidelity=audit.fidelity(name, settings),
        text=audit.text(name, settings),
        asked=found.asked,
        error=found.error,
        about=found.about,
    )
