"""Lines of a log, small and whole."""

from seqrec.feedback import Outcome, Slate


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
