"""What a method asks of an encoder beyond its states."""

from typing import Any

from seqrec.errors import ConfigError
from seqrec.question import Question


def encoder_with(ability: str, question: Question) -> Any:
    """Return the question's encoder.

    Raises:
        ConfigError: it lacks the optional method `ability`, or the model is a baseline.
    """
    encoder = question.sequence_model.encoder
    if hasattr(encoder, ability):
        return encoder
    raise ConfigError(
        f"the encoder {type(encoder).__name__} has no attention of its own",
        where="method",
        todo="use method=attention, which shows the head's, or a run with encoder=transformer",
    )
