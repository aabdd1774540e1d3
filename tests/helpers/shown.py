"""Lists of a log for tests of reviews."""

from helpers.feedback import slate

BEGUN = 1_790_000_000_000
SIX = [f"a{at}" for at in range(6)]


def shown(request_id, items, *, time=0, **changes):
    fields = {"scores": [0.0] * len(items), "propensities": [1.0] * len(items), "candidates": []}
    made = slate(request_id, items=items, time=BEGUN + time, **{**fields, **changes})
    return made.__class__(**{**vars(made), "candidate_scores": [0.0] * len(made.candidates)})
