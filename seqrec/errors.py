"""The errors a user can act on.

They are raised where the bad input enters and carry three sentences: what was wrong, where, and how
to fix it. Programs print them without a traceback.
"""


class SeqrecError(Exception):
    """An error that says what was wrong, where, and how to fix it.

    Args:
        what: the fact, in one sentence.
        where: the file, config path or row in which it was found.
        todo: what the user can type or change to fix it.
    """

    def __init__(self, what: str, *, where: str | None = None, todo: str | None = None) -> None:
        self.what, self.where, self.todo = what, where, todo
        lines = [what]
        if where:
            lines.append(f"  where: {where}")
        if todo:
            lines.append(f"  fix: {todo}")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple:
        return (_rebuild, (type(self), self.what, self.where, self.todo))


class ConfigError(SeqrecError):
    """A mistake in the configuration, found before any data is read."""


class DataError(SeqrecError):
    """Raw data that is missing, damaged or not what the configuration says."""


class ColumnsError(DataError):
    """A file that lacks columns; its fix names keys by which a user chooses columns."""


class RunError(SeqrecError):
    """A run folder or checkpoint that is missing, damaged or incompatible."""


class WriteError(SeqrecError):
    """A file that can't be written: the disk is full, or its folder is read-only."""


def _rebuild(
    kind: type[SeqrecError], what: str, where: str | None, todo: str | None
) -> SeqrecError:
    return kind(what, where=where, todo=todo)
