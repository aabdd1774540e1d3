"""Speed of explanations: one user at a time on one core, and an audit on all of them."""

import statistics
import tempfile
import time
from typing import Any

import torch

from seqrec.benchmark.child import in_child
from seqrec.benchmark.report import Line
from seqrec.errors import DataError
from seqrec.experiment import python
from seqrec.explain.audit import audit
from seqrec.explain.case import Case
from seqrec.explain.choose import EXPLAINERS
from seqrec.explain.drawn import data_of, draw
from seqrec.question import Question, able
from seqrec.recommend import Recommender
from seqrec.shapes import EvalBatch, History

LENGTH, USERS = 50, 40  # events of a history, and histories, that single explanations are timed on
DRAWN = 1_000  # test users, among which those of long histories are looked for
COUNTERFACTUAL = "counterfactual"
BARS = {"leave_one_out": 15, "integrated_gradients": 25, "shapley": 500}  # ms, on one core
AUDITED, AUDIT_S = 500, 600  # users of an audit, and its bar in seconds


def measure_explain(overrides: list[str], *, epochs: int, threads: int) -> dict[str, Any]:
    """Train a run, time every method on one core, and an audit on all.

    Args:
        overrides: of ``train.py``.
        epochs: of the training, which isn't timed.
        threads: of the audit.
    """
    with tempfile.TemporaryDirectory() as folder:
        further = [f"trainer.max_epochs={epochs}", f"paths.output_dir={folder}", "logger=none"]
        run = in_child("explaining:trained", threads=threads, overrides=[*overrides, *further])
        return {
            "length": LENGTH,
            "ms": in_child("explaining:time_methods", threads=1, run=run),
            **in_child("explaining:time_audit", threads=threads, run=run),
        }


def trained(overrides: list[str]) -> str:
    """Train a run, and return its folder."""
    return str(python.train(*overrides).path)


def time_methods(run: str) -> dict[str, float]:
    """Return the median milliseconds of each method for a history of 50 events.

    Raises:
        DataError: no test history has 50 events.
    """
    recommender = Recommender.load(run)
    asked, medians = questions(recommender), {}
    for name, explainer in EXPLAINERS.build(EXPLAINERS.settings_of(EXPLAINERS.names(), {})).items():
        if not able(recommender.model, explainer.needs):
            continue
        explainer(asked[0])  # warms up
        seconds = []
        for question in asked:
            began = time.perf_counter()
            explainer(question)
            seconds.append(time.perf_counter() - began)
        medians[name] = 1000 * statistics.median(seconds)
    return medians


def questions(recommender: Recommender) -> list[Question]:
    """Return questions about the best item of some test users, by their latest 50 events."""
    drawn = draw(recommender, data_of(recommender), DRAWN, seed=0).history
    [long] = (drawn.length_B >= LENGTH).nonzero(as_tuple=True)
    if not len(long):
        todo = "measure with data=movielens_100k"
        raise DataError(f"no test user has {LENGTH} events", todo=todo)
    asked = []
    for row in long[:USERS].tolist():
        case = Case(recommender, _latest(drawn, row), recommender.policy)
        asked.append(case.question(case.best()))
    return asked


def _latest(drawn: History, row: int) -> EvalBatch:
    """Return the latest 50 events of a row, all of them seen."""
    last = int(drawn.length_B[row])
    events = slice(last - LENGTH, last)
    item_1L = drawn.item_BL[row : row + 1, events]
    history = History(
        item_BL=item_1L,
        length_B=torch.tensor([LENGTH]),
        user_B=drawn.user_B[row : row + 1],
        event={name: value[row : row + 1, events] for name, value in drawn.event.items()},
        asked_B=None if drawn.asked_B is None else drawn.asked_B[row : row + 1],
    )
    return EvalBatch(
        history=history,
        event_B=torch.zeros(1, dtype=torch.int64),
        target_B=item_1L[:, -1],
        rating_B=None,
        seen_row_P=torch.zeros(LENGTH, dtype=torch.int64),
        seen_item_P=item_1L[0],
    )


def time_audit(run: str) -> dict[str, Any]:
    """Return the seconds that an audit of all methods takes, and the number of its users."""
    recommender = Recommender.load(run)
    every = [name for name in EXPLAINERS.names() if name != COUNTERFACTUAL]
    began = time.perf_counter()
    found = audit(
        recommender,
        EXPLAINERS.build(EXPLAINERS.settings_of(every, {})),
        users=AUDITED,
        optional=True,
    )
    return {
        "audit_s": time.perf_counter() - began,
        "users": found.content["users"],
        "methods": len(found.content["methods"]),
    }


def lines(result: dict[str, Any]) -> list[Line]:
    """Report the figures, with their bars."""
    medians = [
        Line("explain", f"{name}, ms at {result['length']} events", ms, at_most=BARS.get(name))
        for name, ms in result["ms"].items()
    ]
    what = f"audit of {result['users']} users, {result['methods']} methods, s"
    return [*medians, Line("explain", what, result["audit_s"], at_most=AUDIT_S)]
