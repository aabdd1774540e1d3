"""The audit of a run's explanations: how far each method's weights can be trusted."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.errors import ConfigError, DataError
from seqrec.explain.choose import check_able
from seqrec.explain.crowd import Crowd
from seqrec.explain.drawn import data_of, draw
from seqrec.explain.estimates import CONTROLS, agreement, estimate, long_table, spearman
from seqrec.explain.fidelity import curves, fidelity, places
from seqrec.explain.overall import by_category, by_column, by_distance, by_item
from seqrec.explain.planted import planted
from seqrec.explain.sanity import MOST, randomised
from seqrec.features.values import flat_values
from seqrec.question import Explainer
from seqrec.ranking.categories import Categories, find_categories
from seqrec.recommend import Recommender
from seqrec.store.store import SequenceStore

CHECKED = 40  # users of the check by randomised weights
COMPLETE = 0.01  # error of the sum of weights that a complete method may have
Tell = Callable[[str, int, int], None]  # of what, how many are done, of how many


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Args:
        content: everything but the values of users, fit for JSON.
        users: a row for each user and method: user, item, events, weights and metrics.
    """

    content: dict[str, Any]
    users: pl.DataFrame


def audit(
    recommender: Recommender,
    explainers: Mapping[str, Explainer],
    *,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    users: int = 500,
    seed: int = 0,
    optional: bool = False,
    tell: Tell = lambda what, done, total: None,
) -> Audit:
    """Audit explanations of each test user's best item.

    Args:
        recommender: the run.
        explainers: methods by name; the controls ``random`` and ``recency`` among them.
        settings: the methods' settings, to be kept with what was found.
        users: users with two or more events that are drawn from the test; all if it has fewer.
        seed: of the users, ties and randomised weights.
        optional: leave a method out that doesn't work for this model.
        tell: is told of progress.

    Raises:
        ConfigError: a control is missing, there are no users, or a method doesn't work.
        DataError: the data can no longer be read, or no history has two events.
        RunError: the data has changed, or weights aren't finite.
    """
    missing = [name for name in CONTROLS if name not in explainers]
    if missing:
        raise ConfigError(f"an audit needs the method {missing[0]}", where="methods")
    if users < 2:
        raise ConfigError(f"users={users}: must be at least 2", todo="write users=500")
    store = data_of(recommender)
    crowd = _crowd(recommender, store, users, seed)
    weighed, left_out = _weigh_all(crowd, explainers, optional=optional, tell=tell)
    _, whole_U = crowd.ask(torch.arange(len(crowd)), _everything(crowd))
    place, value, curve = {}, {}, {}
    for at, (name, found) in enumerate(weighed.items()):
        tell("asking again", at, len(weighed))
        place[name] = places(found.weight_UL, crowd.lengths, seed=seed)
        value[name] = fidelity(crowd, place[name], whole_U)
        curve[name] = curves(crowd, place[name], whole_U)
    sanity = _sanity(crowd, explainers, weighed, seed=seed, tell=tell)
    estimates = estimate(value)
    methods = {
        name: {
            "settings": {k: v for k, v in (settings or {}).get(name, {}).items() if k[0] != "_"},
            "metrics": estimates[name],
            "curves": curve[name],
            "sanity": sanity[name],
            "seconds_per_user": found.seconds / len(crowd),
            "asked_per_user": found.asked / len(crowd),
            "complete": found.complete,
        }
        for name, found in weighed.items()
    }
    content = {
        "data": store.name,
        "data_hash": store.data_hash,
        "users": len(crowd),
        "seed": seed,
        "methods": methods,
        "left_out": left_out,
        "planted": planted(recommender, store, crowd, place),
        **_overall(recommender, store, crowd, weighed, place),
    }
    return Audit(content, _table(recommender, store, crowd, weighed, value))


@dataclass(frozen=True)
class _Weighed:
    """One method's weights of all users."""

    weight_UL: Tensor
    seconds: float
    asked: int
    complete: dict[str, float] | None  # of a complete method: how far its sums are off
    column_UL: dict[str, Tensor]  # weights of the parts of the events' vectors, by name


def _crowd(recommender: Recommender, store: SequenceStore, users: int, seed: int) -> Crowd:
    """Draw the users, and make each one's best item the target."""
    batch = draw(recommender, store, users, seed)
    crowd = Crowd(recommender.model, recommender.catalogue, recommender.policy, batch)
    crowd.ask(torch.arange(len(crowd)), _everything(crowd))  # refuses what isn't finite
    aimed = crowd.aimed(crowd.best())
    if not len(aimed):
        raise DataError(
            "no test user can be recommended anything: every candidate is in their histories",
            where="evaluation.mask_seen",
            todo="audit a run with evaluation.mask_seen=false",
        )
    return aimed


def _everything(crowd: Crowd) -> Tensor:
    return torch.ones(len(crowd), crowd.batch.history.item_BL.shape[1], dtype=torch.bool)


def _weigh_all(
    crowd: Crowd, explainers: Mapping[str, Explainer], *, optional: bool, tell: Tell
) -> tuple[dict[str, _Weighed], dict[str, str]]:
    weighed, left_out = {}, {}
    for name, explainer in explainers.items():
        try:
            check_able(name, explainer, crowd.model)
            weighed[name] = _weigh(crowd, explainer, name, tell)
        except ConfigError as error:
            if not optional:
                raise
            left_out[name] = error.what.removeprefix(f"{name} ")
    return weighed, left_out


def _weigh(
    crowd: Crowd, explainer: Explainer, name: str, tell: Tell, users: Tensor | None = None
) -> _Weighed:
    weight_UL = torch.zeros(crowd.batch.history.item_BL.shape, dtype=torch.float64)
    rows = torch.arange(len(crowd)) if users is None else users
    column_UL: dict[str, Tensor] = {}
    errors: list[float] = []
    asked, began = 0, time.perf_counter()
    for row, question in zip(rows.tolist(), crowd.questions(rows), strict=True):
        tell(name, len(errors), len(rows))
        found = explainer(question)
        weight_UL[row, : len(question)] = found.weight_L
        for column, weight_L in found.column_L.items():
            column_UL.setdefault(column, torch.zeros_like(weight_UL))[row, : len(question)] = (
                weight_L
            )
        asked += found.asked
        errors.append(np.nan if found.error is None else found.error)
    seconds, off = time.perf_counter() - began, np.array(errors)
    complete = None
    if not np.isnan(off).all():
        complete = {"median": float(np.nanmedian(off)), "share": float((off <= COMPLETE).mean())}
    return _Weighed(weight_UL, seconds, asked, complete, column_UL)


def _sanity(
    crowd: Crowd,
    explainers: Mapping[str, Explainer],
    weighed: Mapping[str, _Weighed],
    *,
    seed: int,
    tell: Tell,
) -> dict[str, Any]:
    """Correlate weights with those of models with a part shuffled, by method and part."""
    users = torch.from_numpy(np.random.default_rng(seed).permutation(len(crowd))[:CHECKED].copy())
    item_UL, length_U = crowd.batch.history.item_BL[users], crowd.lengths[users]
    found: dict[str, Any] = {name: {} for name in weighed}
    for part, other in randomised(crowd, seed=seed).items():
        for name in (name for name in weighed if name not in CONTROLS):
            shuffled = _weigh(other, explainers[name], f"{name}, {part} shuffled", tell, users)
            both = {"own": weighed[name].weight_UL[users], "other": shuffled.weight_UL[users]}
            events = long_table(item_UL, length_U, both)
            rho = spearman(events, "weight.own", "weight.other")
            found[name][part] = {"spearman": rho, "depends": rho is None or abs(rho) <= MOST}
    return found


def _overall(
    recommender: Recommender,
    store: SequenceStore,
    crowd: Crowd,
    weighed: Mapping[str, _Weighed],
    place: dict[str, Tensor],
) -> dict[str, Any]:
    """Compare the methods, and sum their weights by distance and by category."""
    methods, length_U = list(weighed), crowd.lengths
    weight = {name: found.weight_UL for name, found in weighed.items()}
    events = long_table(crowd.batch.history.item_BL, length_U, weight)
    categories = find_categories(store.items(), recommender.config.evaluation.category)
    return {
        "agreement": agreement(events, place, length_U),
        "by_distance": by_distance(events, methods),
        "by_item": by_item(events, methods, recommender.items.titles),
        "category": None if categories is None else categories.name,
        "by_category": by_category(events, methods, categories, _names(store, categories)),
        "by_column": by_column({n: f.column_UL for n, f in weighed.items() if f.column_UL}),
    }


def _names(store: SequenceStore, categories: Categories | None) -> list[str]:
    if categories is None:
        return []
    values = flat_values(store.items()[categories.name])["value"]
    return [str(value) for value in values.unique().sort()]


def _table(
    recommender: Recommender,
    store: SequenceStore,
    crowd: Crowd,
    weighed: Mapping[str, _Weighed],
    value: Mapping[str, Mapping[str, Any]],
) -> pl.DataFrame:
    """Return a row for each user and method."""
    ids, history = np.array(["", *recommender.items.ids], dtype=object), crowd.batch.history
    length = crowd.lengths.tolist()
    user = store.users()["user"].gather(history.user_B.tolist())
    items = [row[:n].tolist() for row, n in zip(ids[history.item_BL], length, strict=True)]
    return pl.concat(
        pl.DataFrame(
            {
                "user": user,
                "method": [name] * len(crowd),
                "target": ids[crowd.batch.target_B].tolist(),
                "items": items,
                "weights": [
                    row[:n].tolist() for row, n in zip(found.weight_UL, length, strict=True)
                ],
                **value[name],
            }
        )
        for name, found in weighed.items()
    )
