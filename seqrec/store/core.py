"""Drop users, items and sessions with too few events until there are none."""

from collections.abc import Mapping

import numpy as np

COLUMN = {"item": "item", "session": "user", "user": "person"}  # of events whose sessions were cut


def holders(
    columns: Mapping[str, np.ndarray | None], at_least: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """Return the codes of whatever must have enough events, and those of items.

    Args:
        columns: of :class:`~seqrec.store.steps.Events`, by name.
        at_least: user, item or session, and how many events each must have.

    Returns:
        By what they are of, codes, one per event.
    """
    codes = {who: columns.get(COLUMN[who]) for who in {"item": 0, **at_least}}
    return {who: columns["user"] if code is None else code for who, code in codes.items()}  # type: ignore[misc]


def core(
    codes: Mapping[str, np.ndarray], at_least: Mapping[str, int], of_item: np.ndarray
) -> np.ndarray:
    """Drop events until each user, session and item of those that are left has enough.

    What is left in the end doesn't depend on the order of dropping, so this may be done to some
    users at a time, again and again, until none of them loses an event.

    Args:
        codes: see :func:`holders`; all events of some users.
        at_least: how many events each must have.
        of_item: the events of each item, those of other users too; the dropped are subtracted.

    Returns:
        int64, the positions of the events that are left.
    """
    left = np.arange(len(codes["item"]))
    while len(left):
        enough = np.ones(len(left), dtype=bool)
        for who, number in at_least.items():
            counts = of_item if who == "item" else np.bincount(codes[who])
            enough &= (counts >= number)[codes[who]]
        if enough.all():
            break
        of_item -= np.bincount(codes["item"][~enough], minlength=len(of_item))
        left, codes = left[enough], {who: code[enough] for who, code in codes.items()}
    return left
