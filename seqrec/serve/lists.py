"""Lists: sessions read, models asked, or what stands in for them, and all of it logged."""

import asyncio
import itertools
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from seqrec.bundle.model import ModelError
from seqrec.errors import SeqrecError
from seqrec.index import NOTHING, Wanted
from seqrec.serve.answers import Answer, masks
from seqrec.serve.batches import joined
from seqrec.serve.choice import note
from seqrec.serve.filters import Rules
from seqrec.serve.ladder import FALLS, fallen
from seqrec.serve.model import Work
from seqrec.serve.models import Loaded
from seqrec.serve.parts import Parts
from seqrec.serve.queue import LateError, busy, clock
from seqrec.serve.refusal import RequestError
from seqrec.serve.schema import Asked, Recommend
from seqrec.serve.sessions import of_events, of_items, sessions_of, untaken
from seqrec.serve.shadow import Shadow
from seqrec.terminal.say import say

TIMEOUT_MS = 2000  # unless a request says how long it waits


class Lists:
    """Makes lists.

    Args:
        parts: of the server.

    Attributes:
        trouble: how the model failed the last time that it was asked; None: it answered.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts, self.metrics, self.policy = parts, parts.metrics, parts.policy
        self.trouble: str | None = None
        self._name, self._number = secrets.token_hex(8), itertools.count()  # of requests
        self.shadow = Shadow(parts.models, parts.logged, parts.metrics)

    async def recommend(self, asked: Recommend, ms: dict[str, float]) -> dict[str, Any]:
        """Answer one session, or many.

        Args:
            asked: the request.
            ms: milliseconds by stage, which are added.

        Raises:
            RequestError: it can't be answered.
        """
        filters, begun = self.parts.filters.current(), clock()
        until = asyncio.get_running_loop().time() + (asked.timeout_ms or TIMEOUT_MS) / 1000
        answers = [await self._begun(each, asked, filters) for each in sessions_of(asked)]
        ms["state"] = clock() - begun
        await self._fill(asked, answers, filters, until, ms)
        await self._fall(asked, answers, filters, until)
        if asked.explain:
            begun = clock()
            await self._explain(answers[0])
            ms["explain"] = clock() - begun
        begun = clock()
        self._note(answers, filters)
        self.shadow.offer(answers, asked, filters)
        ms["log"] = clock() - begun
        shared = {
            "filters": filters.version,
            "policy": self.parts.settings["name"],
            **(answers[0].trust() if asked.explain else {}),
            "ms": ms,
        }
        if asked.sessions is not None:
            return {"answers": [answer.content() for answer in answers], **shared}
        return {**answers[0].content(), **shared}

    async def _begun(self, asked: Asked, wanted: Recommend, filters: Rules) -> Answer:
        """Read a session, and begin its answer."""
        request_id = f"{self._name}{next(self._number):08x}"
        loaded = self.parts.models.of(asked.session or request_id)
        model, chosen = loaded.model, loaded.chooser.choose(filters, wanted)
        answer = Answer(request_id, asked.session, loaded, dict(chosen.unknown), chosen.reason)
        if asked.session is None:
            session = of_items(asked)
            answer.read = lambda _: session
        else:
            try:
                events = await self.parts.sessions.read(asked.session)
            except RequestError as error:
                events, answer.error = [], error
                answer.reason = answer.reason or "no_state"
            answer.read = partial(of_events, asked, events)
            session = answer.read(model.bundle.batcher.wanted)
        self.metrics.items.inc(len(session.items))
        self.metrics.length.observe(len(session.items))
        if not session.items:
            answer.reason = answer.reason or "no_items"
            return answer
        try:
            answer.batch = model.bundle.batcher([session])
            unknown = answer.batch.unknown[0]
        except (SeqrecError, OverflowError) as error:
            if any(model.items.lookup(session.items)):
                raise untaken(error) from error
            answer.reason, unknown = answer.reason or "unknown_items", session.items
        if unknown:
            self.metrics.unknown.inc(len(unknown))
            note(answer.unknown, "items", unknown)
        return answer

    async def _fill(
        self,
        asked: Recommend,
        answers: Sequence[Answer],
        filters: Rules,
        until: float,
        ms: dict[str, float],
    ) -> None:
        """Ask the models for all sessions that they can read."""
        begun = clock()
        k = max(asked.k, self.policy.candidates or 0)
        ready = [each for each in answers if each.reason is None]
        for loaded in dict.fromkeys(each.loaded for each in ready):
            asking = [each for each in ready if each.loaded is loaded]
            work = self._work(loaded, asked, asking, filters, k)
            try:
                result = await loaded.model.queue.ask(work, until=until)
            except LateError as error:
                _give_up(asking, "late", error)
                continue
            except ModelError as error:
                self._failed(asking, str(error))
                continue
            ms["encode"] = ms.get("encode", 0.0) + result.encode_ms
            ms["search"] = ms.get("search", 0.0) + result.search_ms
            self.metrics.together.observe(result.together)
            for answer, found, query_D in zip(asking, result.found, result.query_BD, strict=True):
                if not len(found.item_K) and not np.isfinite(query_D).all():
                    self._failed([answer], "the model's query isn't finite")
                else:
                    self.trouble = None
                    answer.fill(found, self.policy, asked.k)
                    answer.ms = result.encode_ms + result.search_ms
        ms["queue"] = clock() - begun - ms.get("encode", 0.0) - ms.get("search", 0.0)

    def _work(
        self,
        loaded: Loaded,
        asked: Recommend,
        asking: Sequence[Answer],
        filters: Rules,
        k: int,
    ) -> Work:
        batch = joined([each.batch for each in asking if each.batch is not None])
        chosen, hides = loaded.chooser.choose(filters, asked), masks(loaded.model, asked)
        wanted = [Wanted(k, chosen.allowed, seen if hides else NOTHING) for seen in batch.seen]
        return Work(batch, wanted)

    async def _fall(
        self, asked: Recommend, answers: Sequence[Answer], filters: Rules, until: float
    ) -> None:
        """Give the answers that the model didn't fill what the ladder has below it.

        Raises:
            RequestError: it has nothing, and something doesn't work.
        """
        for answer in answers:
            if answer.reason not in FALLS:
                continue
            chosen, seen = answer.loaded.chooser.choose(filters, asked), NOTHING
            if answer.batch is not None and masks(answer.model, asked):
                seen = answer.batch.seen[0]
            below = await fallen(
                answer.model, answer.batch, chosen.allowed, asked.k,
                seen=seen, until=until, thread=self.parts.thread,
            )  # fmt: skip
            if below is not None:
                answer.stand_in(*below)
                self.metrics.fell(below[0], answer.reason)
            elif answer.error is not None:
                raise answer.error

    def _failed(self, answers: Sequence[Answer], why: str) -> None:
        """Note that the model gave no answer; the terminal is told once."""
        if why != self.trouble:
            say(f"the model doesn't answer, and others stand in: {why}", style="bold red")
        self.trouble = why
        self.metrics.count("failed", "model")
        _give_up(answers, "failed", busy(f"the model gives no answer: {why}"))

    async def _explain(self, answer: Answer) -> None:
        """Ask for the session without each of its events."""
        model = answer.model
        if answer.batch is None or answer.found is None or answer.reason is not None:
            return
        weight_LK = None
        if answer.batch.length_B[0] > 1:
            loop, work = asyncio.get_running_loop(), model.without_each(answer.batch)
            try:
                [result] = await loop.run_in_executor(self.parts.thread, model.answer, [work])
            except ModelError:  # the list is there, and goes without reasons
                return
            weight_LK = model.weights(result.query_BD, answer.found, answer.listed)
        answer.explain(weight_LK)

    def _note(self, answers: Sequence[Answer], filters: Rules) -> None:
        """Log the lists before they are sent."""
        for answer in answers:
            if answer.reason is not None and answer.found is None:
                self.metrics.count("empty", answer.reason)
        logged, settings = self.parts.logged, self.parts.settings
        if logged.log is None:
            return
        salt, version = logged.log.salt, filters.version
        slates = [
            each.slate(self.policy, settings, version, salt.hash(each.name or each.request_id))
            for each in answers
        ]
        logged.write(lambda log: log.write(slates), must=False)


def _give_up(answers: Sequence[Answer], reason: str, error: RequestError) -> None:
    for answer in answers:
        answer.reason, answer.error = reason, error
