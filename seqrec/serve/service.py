"""What the server does, apart from HTTP: lists, similar items, events, sessions, filters."""

import asyncio
import itertools
import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from seqrec.errors import SeqrecError
from seqrec.feedback import Log, Outcome
from seqrec.index import NOTHING, Wanted
from seqrec.policy import Policy
from seqrec.serve.answers import Answer, named
from seqrec.serve.batches import joined
from seqrec.serve.choice import REASONS, missing, note
from seqrec.serve.filters import FilterFiles, Rules
from seqrec.serve.logged import Logged
from seqrec.serve.metrics import Metrics
from seqrec.serve.model import INLINE_MS, Model, Work
from seqrec.serve.models import Models
from seqrec.serve.queue import clock
from seqrec.serve.refusal import RequestError
from seqrec.serve.schema import Asked, Events, FiltersGiven, Recommend, Similar
from seqrec.serve.sessions import Sessions, event_of, of_events, of_items, sessions_of, untaken

NO_HISTORY = ("impression", "dismiss")  # events that aren't part of a session
TIMEOUT_MS = 2000  # unless a request says how long it waits


class Service:
    """A server's parts, put together.

    Args:
        models: the bundles that answer.
        sessions: the state of sessions.
        filters: what may be shown to anybody.
        policy: chooses the lists.
        settings: name and parameters of the policy, for the log.
        log: what is shown, and what comes of it; None: nothing is logged.
        metrics: what is counted.
    """

    def __init__(
        self,
        *,
        models: Models,
        sessions: Sessions,
        filters: FilterFiles,
        policy: Policy,
        settings: Mapping[str, Any],
        log: Log | None,
        metrics: Metrics,
    ) -> None:
        self.models, self.sessions, self.policy, self.settings = models, sessions, policy, settings
        self.metrics, self.filters = metrics, filters
        self.logged = Logged(log, metrics)
        self._name, self._number = secrets.token_hex(8), itertools.count()  # of requests
        self._thread = ThreadPoolExecutor(1, "aside")

    async def recommend(self, asked: Recommend, ms: dict[str, float]) -> dict[str, Any]:
        """Answer one session, or many.

        Args:
            asked: the request.
            ms: milliseconds by stage, which are added.

        Raises:
            RequestError: it can't be answered.
        """
        filters, begun = self.filters.current(), clock()
        answers = [await self._begun(each, asked, filters) for each in sessions_of(asked)]
        ms["state"] = clock() - begun
        await self._fill(asked, answers, filters, ms)
        if asked.explain:
            begun = clock()
            await self._explain(answers[0])
            ms["explain"] = clock() - begun
        begun = clock()
        self._note(answers, filters)
        ms["log"] = clock() - begun
        shared = {
            "filters": filters.version,
            "policy": self.settings["name"],
            **(answers[0].trust() if asked.explain else {}),
            "ms": ms,
        }
        if asked.sessions is not None:
            return {"answers": [answer.content() for answer in answers], **shared}
        return {**answers[0].content(), **shared}

    async def similar(self, asked: Similar) -> dict[str, Any]:
        """Return the items that are most like an item.

        Raises:
            RequestError: the catalogue doesn't have it.
        """
        loaded, filters = self.models.live, self.filters.current()
        model, chosen = loaded.model, loaded.chooser.choose(filters, asked)
        [item] = model.items.lookup([str(asked.item)])
        if not item:
            raise RequestError(
                404,
                f"the catalogue has no item {str(asked.item)!r}",
                where="item",
                todo=model.items.hint,
            )
        found = await self._aside(model, model.similar, item, asked.k, chosen.allowed)
        rows = zip(found.item_K.tolist(), found.score_K.tolist(), strict=True)
        content: dict[str, Any] = {
            "items": [{**named(model, each), "cosine": cosine} for each, cosine in rows],
            "bundle": model.sha,
            "filters": filters.version,
        }
        if not content["items"]:
            reason = chosen.reason or "no_vector"
            content["reason"] = {"code": reason, "text": REASONS[reason]}
        return content | ({"unknown": chosen.unknown} if chosen.unknown else {})

    async def titled(self, text: str, k: int) -> dict[str, Any]:
        """Return the items whose titles hold a text."""
        model = self.models.live.model
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, model.titled, text, k)
        return {"items": [named(model, item) for item in found], "bundle": model.sha}

    async def happened(self, asked: Events) -> dict[str, Any]:
        """Keep events: in the log, then in their sessions; all that is acknowledged is in both.

        Raises:
            RequestError: they can't be kept; those that were are known when they come again.
        """
        model = self.models.live.model
        events = [event_of(each) for each in asked.events]
        if self.logged.log is not None:
            salt = self.logged.log.salt
            outcomes = [
                Outcome(
                    event_id=given.event_id,
                    session=salt.hash(given.session),
                    item=event.item,
                    event=given.event,
                    request_id=given.request_id,
                    slot=given.slot,
                    value=given.value,
                    time=event.time,
                )
                for given, event in zip(asked.events, events, strict=True)
            ]
            self.logged.write(lambda log: log.write(outcomes), must=True)
        by_session: dict[str, list[Any]] = {}
        for given, event in zip(asked.events, events, strict=True):
            if given.event not in NO_HISTORY:
                by_session.setdefault(given.session, []).append(event)
        before: list[str] = []
        for name, some in by_session.items():
            before += sorted(await self.sessions.append(name, some))
        unknown: dict[str, list[str]] = {}
        note(unknown, "items", missing(model.items, [event.item for event in events]))
        self.metrics.events.labels(self.metrics.worker, "kept").inc(len(events) - len(before))
        self.metrics.events.labels(self.metrics.worker, "known").inc(len(before))
        content = {"accepted": len(events) - len(before), "duplicates": before}
        return content | ({"unknown": unknown} if unknown else {})

    async def forget(self, name: str) -> dict[str, Any]:
        """Forget a session, in the state and in the log.

        Raises:
            RequestError: it can't be forgotten now.
        """
        self.logged.write(lambda log: log.forget(name), must=True)
        return {"forgotten": await self.sessions.forget(name)}

    async def filter(self, given: FiltersGiven) -> dict[str, Any]:
        """Replace the filters.

        Raises:
            RequestError: they can't be written; those of before go on.
        """
        model, unknown = self.models.live.model, dict[str, list[str]]()
        for name, ids in (
            ("allow", given.allow or []),
            ("deny", given.deny),
            ("out_of_stock", given.out_of_stock),
        ):
            note(unknown, name, missing(model.items, [*map(str, ids)]))
        try:
            made = self.filters.replace(
                allow=None if given.allow is None else [*map(str, given.allow)],
                deny=[*map(str, given.deny)],
                out_of_stock=[*map(str, given.out_of_stock)],
            )
        except SeqrecError as error:
            raise RequestError(
                503, f"the filters: {error.what}", todo="send them again later", after=1
            ) from error
        return {"version": made.given.version} | ({"unknown": unknown} if unknown else {})

    def trouble(self) -> dict[str, str]:
        """Return what doesn't work for now, by part, although requests are answered."""
        own = {
            "sessions": self.sessions.trouble,
            "bundle": self.models.failed,
            "filters": self.filters.failed,
            "log": self.logged.trouble,
        }
        return {name: text for name, text in own.items() if text is not None}

    def close(self) -> None:
        """Finish what is under way."""
        for loaded in self.models.all():
            loaded.model.queue.close()
        self._thread.shutdown()
        self.sessions.close()
        if self.logged.log is not None:
            self.logged.log.close()

    async def _begun(self, asked: Asked, wanted: Recommend, filters: Rules) -> Answer:
        """Read a session, and begin its answer."""
        request_id = f"{self._name}{next(self._number):08x}"
        loaded = self.models.of(asked.session or request_id)
        model, chosen = loaded.model, loaded.chooser.choose(filters, wanted)
        if asked.session is not None:
            events = await self.sessions.read(asked.session)
            session = of_events(asked, events, model.bundle.batcher.wanted)
        else:
            session = of_items(asked)
        self.metrics.items.inc(len(session.items))
        self.metrics.length.observe(len(session.items))
        answer = Answer(request_id, asked.session, model, dict(chosen.unknown), chosen.reason)
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
        self, asked: Recommend, answers: Sequence[Answer], filters: Rules, ms: dict[str, float]
    ) -> None:
        """Ask the models for all sessions that they can read."""
        begun, wait = clock(), asked.timeout_ms or TIMEOUT_MS
        until = asyncio.get_running_loop().time() + wait / 1000
        k = max(asked.k, self.policy.candidates or 0)
        for loaded in self.models.all():
            model, chosen = loaded.model, loaded.chooser.choose(filters, asked)
            asking = [each for each in answers if each.model is model and each.reason is None]
            if not asking:
                continue
            batch = joined([each.batch for each in asking if each.batch is not None])
            masks = model.mask_seen if asked.exclude_seen is None else asked.exclude_seen
            wanted = [Wanted(k, chosen.allowed, seen if masks else NOTHING) for seen in batch.seen]
            result = await model.queue.ask(Work(batch, wanted), until=until)
            ms["encode"] = ms.get("encode", 0.0) + result.encode_ms
            ms["search"] = ms.get("search", 0.0) + result.search_ms
            self.metrics.together.observe(result.together)
            for answer, found in zip(asking, result.found, strict=True):
                answer.fill(found, self.policy, asked.k)
        ms["queue"] = clock() - begun - ms.get("encode", 0.0) - ms.get("search", 0.0)

    async def _explain(self, answer: Answer) -> None:
        """Ask for the session without each of its events."""
        model = answer.model
        if answer.batch is None or answer.found is None:
            return
        weight_LK = None
        if answer.batch.length_B[0] > 1:
            work = model.without_each(answer.batch)
            [result] = await self._aside(model, model.answer, [work])
            weight_LK = model.weights(result.query_BD, answer.found, answer.listed)
        answer.explain(weight_LK)

    def _note(self, answers: Sequence[Answer], filters: Rules) -> None:
        """Log the lists before they are sent."""
        for answer in answers:
            if answer.reason is not None:
                self.metrics.count("empty", answer.reason)
        if self.logged.log is None:
            return
        salt, version = self.logged.log.salt, filters.version
        slates = [
            each.slate(self.policy, self.settings, version, salt.hash(each.name or each.request_id))
            for each in answers
        ]
        self.logged.write(lambda log: log.write(slates), must=False)

    async def _aside(self, model: Model, call: Callable[..., Any], *given: Any) -> Any:
        """Call something that takes as long as the model, apart from the event loop if need be."""
        if model.alone_ms <= INLINE_MS and call != model.answer:
            return call(*given)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *given)
