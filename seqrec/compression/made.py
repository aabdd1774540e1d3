"""What the configuration of a compressed run says of how it was made."""

from typing import Any, ClassVar


class Made:
    """A run whose weights are those of another one, made smaller.

    Args:
        by: what made them smaller, with its settings.
        parent: the folder of the run.
        weights: sha256 of its best checkpoint.
        fingerprint: of that run.
        typed: the command that made this run.
    """

    meaning: ClassVar[dict[str, str]] = {"parent": "file", "typed": "label"}

    def __init__(
        self, *, by: Any, parent: str, weights: str, fingerprint: str, typed: str | None = None
    ) -> None:
        self.by, self.parent, self.weights = by, parent, weights
        self.fingerprint, self.typed = fingerprint, typed
