"""A counterfactual as a sentence: "without *Alien* and *Aliens*, *Predator* would be 14th"."""

from collections import Counter
from typing import Any

from seqrec.explain.choose import EXPLAINERS
from seqrec.question import Question

TIMES = {2: "twice"}


def counterfactual(
    question: Question,
    node: dict[str, Any],
    *,
    title: str,
    rank: int,
    titles: list[str],
    k: int,
) -> list[str]:
    """Search for the events without which the item leaves the list, and tell of them.

    Args:
        question: about the item alone.
        node: settings of the counterfactual.
        title: of the item.
        rank: of the item.
        titles: of the events.
        k: length of the list.

    Returns:
        Texts and titles by turns, beginning and ending with a text.
    """
    if rank > k:
        return ["", title, f" is {ordinal(rank)}, not among the first {k}, so it can't leave them"]
    about = EXPLAINERS.build({"counterfactual": node | {"k": k}})["counterfactual"](question).about
    if not about["found"]:
        return ["no set of events was found without which ", title, f" would leave the first {k}"]
    named = Counter(titles[at] for at in about["events"])
    without = [""]
    for at, (name, times) in enumerate(named.items()):
        joint = "" if at == 0 else " and " if at == len(named) - 1 else ", "
        without[-1] += joint
        without += [name, "" if times == 1 else f" ({TIMES.get(times, f'{times} times')})"]
    verb = "without " if about["edit"] == "remove" else "with other items in the place of "
    without[0] = verb + without[0]
    place = ordinal(about["rank_without"])
    smaller = "" if about["smallest"] else " (a smaller set of other events may do it, too)"
    without[-1] += ", "
    return [*without, title, f" would be {place}{smaller}"]


def ordinal(number: int) -> str:
    """Return ``1st``, ``2nd``, ``3rd``, ``14th``."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}
    return f"{number:,}{ending if isinstance(ending, str) else ending.get(number % 10, 'th')}"
