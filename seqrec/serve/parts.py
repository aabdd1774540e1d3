"""What a server is put together of."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seqrec.policy import Policy
from seqrec.serve.filters import FilterFiles
from seqrec.serve.logged import Logged
from seqrec.serve.metrics import Metrics
from seqrec.serve.models import Models
from seqrec.serve.sessions import Sessions


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A server's parts.

    Args:
        models: the bundles that answer.
        sessions: the state of sessions.
        filters: what may be shown to anybody.
        policy: chooses the lists.
        settings: name and parameters of the policy, for the log.
        logged: the log of what is shown, and of what comes of it.
        metrics: what is counted.
        thread: for what would hold up the event loop.
    """

    models: Models
    sessions: Sessions
    filters: FilterFiles
    policy: Policy
    settings: Mapping[str, Any]
    logged: Logged
    metrics: Metrics
    thread: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, 1, "aside"))

    def close(self) -> None:
        """Finish what is under way."""
        for loaded in self.models.all():
            loaded.model.queue.close()
        self.thread.shutdown()
        self.sessions.close()
        if self.logged.log is not None:
            self.logged.log.close()
