"""The log of a server, which goes on where the disk takes nothing."""

from collections.abc import Callable

from seqrec.errors import DataError, WriteError
from seqrec.feedback import Log
from seqrec.serve.metrics import Metrics
from seqrec.serve.refusal import RequestError


class Logged:
    """Writes to a log, if there is one.

    Args:
        log: the log; None: nothing is logged.
        metrics: count what failed.

    Attributes:
        trouble: why it can't be written for now; None: it can.
    """

    def __init__(self, log: Log | None, metrics: Metrics) -> None:
        self.log, self.metrics = log, metrics
        self.trouble: str | None = None

    def write(self, call: Callable[[Log], None], *, must: bool) -> None:
        """Write to the log.

        Raises:
            RequestError: the disk doesn't take it, and the request depends on it.
        """
        if self.log is None:
            return
        try:
            call(self.log)
        except WriteError as error:
            self.trouble = f"nothing is logged: {error.what}"
            self.metrics.count("failed", "log")
            if must:
                raise RequestError(
                    503, f"the log: {error.what}", todo="send it again later", after=1
                ) from error
        except DataError as error:
            raise RequestError.of(error) from error
        else:
            self.trouble = None
