"""Generated sequences of an exact size."""

from pathlib import Path

import numpy as np


def write_sequences(path: str, users: int, items: int, length: int, seed: int = 0) -> list[str]:
    """Write ``user item item ...`` lines in which every item occurs.

    Args:
        path: the file.
        users, items: their numbers.
        length: number of inputs of a training sequence under ``split=leave_one_out``.
        seed: seed of the order.

    Returns:
        The overrides of ``train.py`` for this file, without any filter.
    """
    events = length + 3  # plus a target each in training, validation and test
    if users * events < items:
        raise ValueError(f"{users} users of {events} events can't hold {items} items")
    rng = np.random.default_rng(seed)
    more = rng.integers(items, size=users * events - items)
    item = rng.permutation(np.concatenate([np.arange(items), more])).reshape(users, events)
    with Path(path).open("w") as file:
        for user, row in enumerate(item):
            file.write(f"{user} {' '.join(map(str, row))}\n")
    return ["data=sequences", "data.format=users", f"data.path={path}", f"max_length={length}"]
