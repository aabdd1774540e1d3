"""Generators by name, and the policies that they can obey."""

from seqrec.config.choose import Choice
from seqrec.errors import ConfigError
from seqrec.generator import Generator
from seqrec.ranking.policy import Policy

GENERATORS = Choice("generator", key="generator", several="generators")


def check_obeys(generator: Generator | None, policy: Policy) -> None:
    """Refuse a generator that makes its order of scores, where the run has a reranker.

    None is the ranking itself, which obeys it.

    Raises:
        ConfigError: it does.
    """
    if generator is None or not generator.by_score:
        return
    if policy.reranker is not None and policy.reranker.depth:
        name = type(policy.reranker).__name__
        raise ConfigError(
            f"{type(generator).__name__} orders a list as it makes it, and this run reorders lists "
            f"by {name}",
            where="generator",
            todo="use generator=topk, or a run with rerank=none",
        )
