"""An explanation from Python: what ``python scripts/explain.py`` answers, as an object."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqrec.config.trust import Trust
from seqrec.explain.case import TOP, Case
from seqrec.explain.choose import EXPLAINERS
from seqrec.explain.why import Why, explain
from seqrec.recommend import Recommender, Session
from seqrec.recommend.arguments import session_of
from seqrec.run.audited import read_audit
from seqrec.run.folder import RunFolder


def why(
    run: str | Path,
    session: Session | Iterable[str | int],
    *,
    target: str = TOP,
    instead: str | None = None,
    methods: Iterable[str] = ("leave_one_out", "counterfactual"),
    k: int = 10,
    **options: Any,
) -> Why:
    """Explain why a run recommends an item for a history.

    Args:
        run: the folder of the run.
        session: original item ids, oldest first, or a session.
        target: original id of the item; ``top``: the best one.
        instead: original id of an item that it is compared with.
        methods: files of ``configs/explainer``.
        k: length of the list that a counterfactual takes the item out of.
        options: keys of the methods, such as ``steps=100``.

    Raises:
        ConfigError: a method or key is unknown, or a method doesn't work for this model.
        DataError: an item isn't in the catalogue or can't be recommended.
        RunError: the folder isn't a trained run's, or its scores aren't finite numbers.
    """
    nodes = EXPLAINERS.settings_of(methods, {key: str(value) for key, value in options.items()})
    folder = RunFolder.open(run, Trust.given(trust=False, searchpath=None))
    case = Case.of(Recommender.of(folder), session_of(session))
    return explain(case, nodes, target=target, instead=instead, k=k, audited=read_audit(folder))
