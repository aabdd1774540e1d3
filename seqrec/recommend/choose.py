"""Generators by name, and the policies that they can obey."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.choose import Choice, Nodes
from seqrec.config.cli.script import argument_names, see_usage
from seqrec.errors import ConfigError

if TYPE_CHECKING:  # refused command lines don't need torch
    from seqrec.generator import Generator
    from seqrec.ranking.policy import Policy

GENERATORS = Choice("generator", key="generator", several="generators")


def generator_settings(
    names: Iterable[str], options: Mapping[str, str], *, folders: Iterable[str], arguments: Any
) -> Nodes:
    """Return the settings of the chosen generators.

    Args:
        names: files of ``configs/generator``; none: no key of theirs makes sense.
        options: keys of the command line that it doesn't declare.
        folders: further folders that may hold ``generator/<name>.yaml``.
        arguments: what it declares, a dataclass, for messages.

    Raises:
        ConfigError: there is no such generator, or no such key.
    """
    names, declared = list(names), argument_names(type(arguments))
    if not names:
        mistakes = [f"{key}: {unknown(key, declared)}" for key in options]
        todo = see_usage(type(arguments))
        if not all(get_close_matches(key, declared, cutoff=0.75) for key in options):
            todo += "; keys of a generator need generator=NAME"
        refuse(mistakes, todo=todo)
    places = [Path(place).expanduser() for place in folders]
    return GENERATORS.settings_of(names, options, folders=places, beside=declared)


def check_obeys(generator: "Generator | None", policy: "Policy") -> None:
    """Refuse a generator that makes its order of scores, where the run has a reranker.

    None is the ranking itself, which obeys it.

    Raises:
        ConfigError: it does.
    """
    if generator is None or not generator.by_score:
        return
    if policy.reranker is not None and policy.reranker.depth:
        raise ConfigError(
            f"{type(generator).__name__} orders a list as it makes it, and this run reorders lists "
            f"by {type(policy.reranker).__name__}",
            where="generator",
            todo="use generator=topk, or a run with rerank=none",
        )
