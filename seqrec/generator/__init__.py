"""Generators: lists of the next n items, made from a model's scores."""

from seqrec.generator._asker import Asker, Growing
from seqrec.generator._what import Generator

__all__ = ["Asker", "Generator", "Growing"]
