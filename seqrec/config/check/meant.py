"""Guess which name was meant by one that doesn't exist."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

FILLERS = {"n", "num", "number", "max", "min", "size", "rate", "type"}  # words that tell little


def meant(
    name: str, known: Iterable[str], *, prefix: str = "", keys: Iterable[str] = ()
) -> list[str]:
    """Return what was probably meant by `name`: mostly one name, none or two where it isn't clear.

    ``ce`` are the initials of ``cross_entropy``, ``sasrek`` is nearly ``sasrec``, and ``ml-1m``
    has letters of ``movielens_1m`` in their order, the first one first.

    Args:
        name: what was written.
        known: what could have been written in its place.
        prefix: text before these, for example ``head.``.
        keys: paths of keys elsewhere; one that is called so is more likely than a far spelling.
    """
    names, keys, bare = sorted(known), list(keys), _bare(name)
    initials = [n for n in names if len(bare) > 1 and _initials(n) == bare]
    if close := initials or get_close_matches(name, names, n=1, cutoff=0.82):
        return [prefix + close[0]]
    if same := [key for key in keys if _leaf(key) == name]:
        return [min(same, key=lambda key: key.count("."))]
    if sharing := _sharing_words(name, keys):
        return sharing
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    shortened = [n for n in names if len(bare) > 2 and _shortens(bare, _bare(n))]
    return [prefix + n for n in near or shortened[:1]]


def _sharing_words(name: str, keys: Iterable[str]) -> list[str]:
    """Return the two keys at most whose words are most like those of `name`.

    ``epochs`` is ``trainer.max_epochs``, ``train_batch_size`` is ``batch.size``, ``n_layers`` is
    ``encoder.layers``, and ``learning_rate`` has the initials of ``optimizer.lr``.
    """
    words, likeness = _words(name), {}
    for key in keys:
        leaf, whole = _words(_leaf(key)), _words(key)
        if len(words) > 1 and _initials(name) == _leaf(key):
            likeness[key] = 1.0
        elif (whole and whole <= words) or leaf & words - FILLERS:
            likeness[key] = len(whole & words) / len(whole | (words - FILLERS))
    best = max(likeness.values(), default=0)
    return [key for key in likeness if likeness[key] == best][:2]


def _leaf(key: str) -> str:
    return key.rpartition(".")[2]


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _words(name: str) -> set[str]:
    """Return the words of a name, in lower case and in the singular."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    return {word.removesuffix("s") for word in words if len(word) > 1}


def _initials(name: str) -> str:
    return "".join(word[0] for word in re.split(r"[^a-z0-9]+", name.lower()) if word)


def _shortens(short: str, name: str) -> bool:
    """Return whether the letters of `short` are in `name` in this order, the first one first."""
    rest = iter(name)
    return name[:1] == short[:1] and all(letter in rest for letter in short)
