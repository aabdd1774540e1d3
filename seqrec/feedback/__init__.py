"""The log of what was shown and what came of it: written, read, forgotten, compacted."""

from seqrec.feedback.attribute import attribute
from seqrec.feedback.compact import compact
from seqrec.feedback.read import Feedback, read_log
from seqrec.feedback.records import FALLBACK, Outcome, Shadowed, Slate, now, stands_in
from seqrec.feedback.salt import Salt
from seqrec.feedback.write import Log

__all__ = [
    "FALLBACK",
    "Feedback",
    "Log",
    "Outcome",
    "Salt",
    "Shadowed",
    "Slate",
    "attribute",
    "compact",
    "now",
    "read_log",
    "stands_in",
]
