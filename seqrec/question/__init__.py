"""Why a model scores an item so: the question, and the form of its answers."""

from seqrec.question.explanation import Explainer, Explanation, Needs, able, relative_error
from seqrec.question.question import Game, Question

__all__ = ["Explainer", "Explanation", "Game", "Needs", "Question", "able", "relative_error"]
