"""What the server does, apart from HTTP: similar items, events, sessions, filters, and lists."""

import asyncio
from collections.abc import Callable
from typing import Any

from seqrec.errors import SeqrecError
from seqrec.feedback import Outcome
from seqrec.serve.answers import named
from seqrec.serve.choice import REASONS, missing, note
from seqrec.serve.lists import Lists
from seqrec.serve.model import INLINE_MS, Model
from seqrec.serve.parts import Parts
from seqrec.serve.refusal import RequestError
from seqrec.serve.schema import Events, FiltersGiven, Recommend, Similar
from seqrec.serve.sessions import event_of

NO_HISTORY = ("impression", "dismiss")  # events that aren't part of a session


class Service:
    """A server's parts, put together.

    Args:
        parts: the parts.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts, self.lists = parts, Lists(parts)
        self.models, self.sessions, self.metrics = parts.models, parts.sessions, parts.metrics
        self.filters, self.logged = parts.filters, parts.logged

    async def recommend(self, asked: Recommend, ms: dict[str, float]) -> dict[str, Any]:
        """Answer one session, or many; see :meth:`seqrec.serve.lists.Lists.recommend`."""
        return await self.lists.recommend(asked, ms)

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
        found = await self._aside(model, model.similar, [item], asked.k, chosen.allowed)
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
        found = await loop.run_in_executor(self.parts.thread, model.titled, text, k)
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
            "model": self.lists.trouble,
            "filters": self.filters.failed,
            "log": self.logged.trouble,
        }
        return {name: text for name, text in own.items() if text is not None}

    def close(self) -> None:
        """Finish what is under way."""
        self.lists.shadow.close()
        self.parts.close()

    async def _aside(self, model: Model, call: Callable[..., Any], *given: Any) -> Any:
        """Call something that takes as long as the model, apart from the event loop if need be."""
        if model.alone_ms <= INLINE_MS:
            return call(*given)
        return await asyncio.get_running_loop().run_in_executor(self.parts.thread, call, *given)
