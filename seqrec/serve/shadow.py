"""The shadow: a bundle that is asked what others answered, beside the requests' path."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from seqrec.feedback import Shadowed
from seqrec.index import NOTHING, Wanted
from seqrec.serve.answers import Answer, masks
from seqrec.serve.filters import Rules
from seqrec.serve.ladder import MODEL
from seqrec.serve.logged import Logged
from seqrec.serve.metrics import Metrics
from seqrec.serve.model import Work
from seqrec.serve.models import Loaded, Models
from seqrec.serve.schema import Recommend

WAITING = 32  # requests that wait for the shadow; more are dropped
TEXT = 200  # characters of a failure that are kept


class Shadow:
    """Asks the shadow in a thread of its own, and logs its lists as that.

    It takes no part in an answer: an answer is made before it is asked, whatever it does isn't
    waited for, and what comes while it is busy is dropped and counted.

    Args:
        models: name the shadow, and its share of the requests.
        logged: the log, without which nothing is asked.
        metrics: count what was asked and dropped.
    """

    def __init__(self, models: Models, logged: Logged, metrics: Metrics) -> None:
        self.models, self.logged, self.metrics = models, logged, metrics
        self._thread = ThreadPoolExecutor(1, "shadow")
        self._waiting, self._lock = 0, Lock()

    def offer(self, answers: Sequence[Answer], asked: Recommend, filters: Rules) -> None:
        """Let the shadow be asked its share of what the model answered."""
        if self.models.shadow is None or self.logged.log is None:
            return
        for answer in answers:
            loaded = self.models.beside(answer.request_id)
            if loaded is None or answer.source != MODEL or loaded is answer.loaded:
                continue
            with self._lock:
                busy = self._waiting >= WAITING
                self._waiting += not busy
            if busy:
                self.metrics.shadowed("dropped")
            else:
                self._thread.submit(self._ask, loaded, answer, asked, filters)

    def close(self) -> None:
        """Finish the request that it is asked; others are dropped."""
        self._thread.shutdown(cancel_futures=True)

    def _ask(self, loaded: Loaded, answer: Answer, asked: Recommend, filters: Rules) -> None:
        log = self.logged.log
        assert log is not None
        line = Shadowed(
            request_id=answer.request_id,
            session=log.salt.hash(answer.name or answer.request_id),
            bundle=loaded.model.sha,
            shown_ms=answer.ms,
        )
        try:
            try:
                line = _asked(loaded, answer, asked, filters, line)
            except Exception as error:  # whatever a bundle on trial does, it is a finding
                why = str(error).strip().partition("\n")[0] or type(error).__name__
                line = replace(line, failed=why[:TEXT])
            self.metrics.shadowed("answered" if line.failed is None else "failed")
            self.logged.write(lambda log: log.write([line]), must=False)
        finally:
            with self._lock:
                self._waiting -= 1


def _asked(
    loaded: Loaded, answer: Answer, asked: Recommend, filters: Rules, line: Shadowed
) -> Shadowed:
    """Ask a shadow what another bundle answered; it gives its best items, and draws nothing."""
    model = loaded.model
    assert answer.read is not None
    session = answer.read(model.bundle.batcher.wanted)
    if not any(model.items.lookup(session.items)):
        return line  # it knows nothing of the session
    batch = model.bundle.batcher([session])
    seen = batch.seen[0] if masks(model, asked) else NOTHING
    allowed = loaded.beside.choose(filters, asked).allowed
    [result] = model.answer([Work(batch, [Wanted(asked.k, allowed, seen)])])
    [found] = result.found
    return replace(
        line,
        items=model.items.ids(found.item_K.tolist()),
        scores=found.score_K.tolist(),
        ms=result.encode_ms + result.search_ms,
    )
