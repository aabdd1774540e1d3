"""Logs of sessions that click on what bundles show them, in milliseconds of work."""

import numpy as np

from seqrec.bundle import Bundle
from seqrec.feedback import Log, Outcome, Slate

DAY = 86_400_000
BEGUN = 1_790_000_000_000


def write_log(
    folder,
    bundle_of,
    *,
    sessions=200,
    click=lambda sha: 0.3,
    seed=0,
    begun=BEGUN,
    days=1.0,
    draw=None,
    name="s",
    pool=100,
    policy=None,
    elsewhere=False,
):
    """Write the slates and clicks of sessions.

    Args:
        folder: of the log.
        bundle_of: from a session to the bundle that answers it.
        sessions: their number.
        click: chance of a click on a slate, by the bundle's sha.
        seed: of everything that is drawn.
        begun: of the first session, in milliseconds.
        days: over which sessions are spread.
        draw: from a generator and the number of items to the indices of a history.
        name: what sessions are called, before their number.
        pool: how many different histories each bundle is asked with.
        elsewhere: clicks are on items that were found without the list.
        policy: draws the slates from the best twenty; None: the best ten, in order.
    """
    rng, log, records = np.random.default_rng(seed), Log(folder), []
    draw = draw or (lambda rng, n: rng.integers(1, n + 1, rng.integers(2, 9)))
    pools = {}
    for at in range(sessions):
        session = f"{name}{at}"
        bundle = bundle_of(session)
        if bundle.sha not in pools:
            pools[bundle.sha] = _pool(bundle, rng, draw, min(pool, sessions))
        history, items, scores = pools[bundle.sha][at % len(pools[bundle.sha])]
        time, key = begun + int(at * days * DAY / sessions), log.salt.hash(session)
        drawn = {"policy": {"name": "greedy"}, "propensities": [1.0] * 10}
        shown = range(10)
        if policy is not None:
            chosen = policy.choose(np.array(scores), 10, rng)
            shown = chosen.order_K.tolist()
            drawn = {
                "policy": {"name": "plackett_luce", **vars(policy)},
                "propensities": chosen.propensity_K.tolist(),
                "candidates": items,
                "candidate_scores": scores,
            }
        listed = [items[at] for at in shown]
        records.append(
            Slate(
                request_id=f"r-{session}-{begun}",
                session=key,
                bundle=bundle.sha,
                history=history,
                items=listed,
                scores=[scores[at] for at in shown],
                time=time,
                **drawn,
            )
        )
        if rng.random() < click(bundle.sha):
            item = listed[int(10 * rng.random() ** 2)]
            event = {"event_id": f"e-{session}-{begun}"}
            event["request_id"] = None if elsewhere else f"r-{session}-{begun}"
            records.append(
                Outcome(**event, session=key, item=item, event="click", time=time + 1_000)
            )
    log.write(sorted(records, key=lambda each: each.time))
    log.close()
    return folder


def open_all(*folders):
    """Open bundles."""
    return [Bundle.open(folder) for folder in folders]


def _pool(bundle, rng, draw, size):
    """Histories, and what the bundle answers."""
    histories = [
        [bundle.items.id(int(i)) for i in draw(rng, len(bundle.items))] for _ in range(size)
    ]
    answers = bundle.recommend_all(histories, k=20)
    lists = [(each.items["item"].to_list(), each.items["score"].to_list()) for each in answers]
    return [(history, *each) for history, each in zip(histories, lists, strict=True)]
