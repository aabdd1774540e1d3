"""Lines of a log, small and whole."""

import numpy as np

from seqrec.feedback import Log, Outcome, Slate


def slate(request_id, *, items=("a", "b"), **changes):
    """A slate of two items, drawn from two."""
    fields = {
        "session": "s",
        "bundle": "sha",
        "policy": {"name": "plackett_luce", "temperature": 1.0},
        "history": ["h"],
        "scores": [1.0, 0.0],
        "propensities": [0.5, 1.0],
        "candidates": list(items),
        "candidate_scores": [1.0, 0.0],
        "seed": 0,
    }
    return Slate(request_id=request_id, items=list(items), **{**fields, **changes})


def outcome(event_id, **changes):
    """A click on item a."""
    return Outcome(event_id=event_id, **{"session": "s", "item": "a", "event": "click", **changes})


def simulated(folder, users, policy, settings, *, slates, items=12, slots=3, seed=0, day=0):
    """Write a log of slates that a policy shows to simulated users, each with one session.

    Scores are the tastes of an average user. Returns what a slate of it is worth, exactly.
    """
    rng, names = np.random.default_rng(seed), [f"i{n}" for n in range(items)]
    score_M = np.sort(rng.normal(size=items))[::-1]
    log, worth, records = Log(folder), [], []
    for n in range(slates):
        user, shown = f"u{seed}-{n}", policy.choose(score_M, slots, rng)
        chosen = [names[place] for place in shown.order_K]
        worth.append(users.worth(user, chosen))
        time = day * 86_400_000 + n
        record = slate(
            f"r{day}-{seed}-{n}",
            items=chosen,
            session=log.salt.hash(user),
            policy=settings,
            scores=score_M[shown.order_K].tolist(),
            propensities=shown.propensity_K.tolist(),
            candidates=names,
            candidate_scores=score_M.tolist(),
            time=time,
        )
        records.append(record)
        records += [
            outcome(
                f"e{day}-{seed}-{n}-{slot}",
                session=record.session,
                request_id=record.request_id,
                item=chosen[slot],
                slot=slot,
                time=time + 1000,
            )
            for slot in users.clicks(user, chosen, rng)
        ]
    log.write(records)
    log.close()
    return float(np.mean(worth))
