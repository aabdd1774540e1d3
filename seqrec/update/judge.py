"""An updated run beside the one before, on the old and on the new period."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from seqrec.config.make import make
from seqrec.config.schema import Root, Trainer
from seqrec.evaluation.judge import Judge, Tested
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.evaluate import rebuild
from seqrec.ranking.policy import Policy
from seqrec.run.folder import RunFolder
from seqrec.store.views import View
from seqrec.terminal.console import silent
from seqrec.training.counting import BaselineModule
from seqrec.training.evaluated import EvaluatedModule
from seqrec.training.module import TrainedModule
from seqrec.training.trainer import evaluating_trainer
from seqrec.update.overlap import rbo
from seqrec.update.start import Inherited

FILE = "update.json"


@dataclass(frozen=True)
class Period:
    """Held-out events, and what may be recommended at them."""

    view: View
    candidate_V: np.ndarray


def judge_update(folder: RunFolder, config: Root) -> dict[str, Any]:
    """Judge a finished update and the run before it by full ranking.

    The old period is ranked among the items that the run before could recommend, as it was then.
    The new period is ranked among all that the update can; the run before has a miss where it
    doesn't know the item.

    Returns:
        Plain values: the ``metric`` that the run is monitored by, and ``k`` of its lists; ``old``
        and ``new``, each with events and metrics before and after; the ``overlap`` of the lists of
        the old period; and the hits of new items.
    """
    after = rebuild(folder, config)
    before, known_V = _before(after, config)
    then, now = make(config.split).earlier(after.store), after.splits
    assert then.candidate_V is not None and now.candidate_V is not None
    old, new = Period(then.test, then.candidate_V), Period(now.test, now.candidate_V)
    old_before, lists_before = _judged(before, old)
    old_after, lists_after = _judged(after, old)
    new_before, _ = _judged(before, Period(new.view, then.candidate_V))
    new_after, tested = _judged(after, new)
    k = after.task.k
    target = after.store.item[new.view.end]
    fresh = ~known_V[target]
    hit = np.zeros(len(target), dtype=bool)
    hit[tested.event_R] = tested.rank_R <= k
    alike = rbo(_lists(lists_before)[:, :k], _lists(lists_after)[:, :k])
    return {
        "metric": config.evaluation.monitor,
        "k": k,
        "old": {"events": len(old.view), "before": old_before, "after": old_after},
        "overlap": float(alike.mean()),
        "new": {"events": len(new.view), "before": new_before, "after": new_after},
        "new_items": {
            "items": int((~known_V[1:] & new.candidate_V[1:]).sum()),
            "events": int(fresh.sum()),
            "hits": int((fresh & hit).sum()),
        },
    }


def _before(after: EvaluatedModule, config: Root) -> tuple[EvaluatedModule, np.ndarray]:
    """Return the run before, over the grown data, and the items that it trained on."""
    module, store = build_experiment(config, after.store), after.store
    if isinstance(module, TrainedModule):
        assert isinstance(module.update, Inherited)
        state = module.update.state(module.model, module.task, config, module.facts)
        module.model.load_state_dict(state)
        return module.eval(), module.update.known_V.numpy()
    split = {"_target_": "seqrec.update.split.Earlier", "base": config.split["base"]}
    split["since"] = config.split["since"]
    counted = build_experiment(replace(config, split=split), store)
    assert isinstance(counted, BaselineModule)
    counted.count(evaluating_trainer(Trainer(accelerator="cpu", devices=1), silent()), silent())
    return counted, counted.task.item_count_V.numpy() > 0


def _judged(module: EvaluatedModule, period: Period) -> tuple[dict[str, float], Tested]:
    """Return metrics, ranks and lists of held-out events."""
    candidate_V, own = torch.from_numpy(period.candidate_V), module.judge
    judge = Judge(
        policy=Policy(
            candidate_V=candidate_V, mask_seen=own.policy.mask_seen, reranker=own.policy.reranker
        ),
        gains=own.ranking.gains,
        ks=own.ranking.ks,
        item_count_V=own.ranking.item_count_V,
        sync=False,
    )
    module.eval()
    with torch.inference_mode():
        for batch in module.eval_batches(period.view):
            query = module.model.query(batch.history, candidate_V)
            catalogue = module.model.catalogue()
            judge.note(query, batch, catalogue, judge.count(query, batch, catalogue, None))
    return judge.results(), judge.tested()


def _lists(tested: Tested) -> np.ndarray:
    """Return the lists in the order of the events."""
    return tested.top_RK[np.argsort(tested.event_R)]
