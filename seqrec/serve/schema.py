"""What requests hold, and nothing else: a field that isn't here is refused by name."""

from typing import Annotated, Any

from msgspec import Meta, Struct

K_MOST = 1000  # items of a list
SESSIONS_MOST = 256  # sessions of a request
ITEMS_MOST = 10_000  # ids of a list of a request
EVENTS_MOST = 1000  # events of a request
TEXT_MOST = 512  # characters of an id

Id = Annotated[str, Meta(max_length=TEXT_MOST)] | int
Ids = Annotated[list[Id], Meta(max_length=ITEMS_MOST)]
Name = Annotated[str, Meta(min_length=1, max_length=TEXT_MOST)]
Value = str | int | float | None
Context = dict[str, list[Value]]
Length = Annotated[int, Meta(ge=1, le=K_MOST)]
Moment = Annotated[str, Meta(max_length=40)] | int


class Asked(Struct, forbid_unknown_fields=True, kw_only=True):
    """A session: its items, or the id of one whose events the server keeps.

    Args:
        items: original ids, oldest first.
        session: the id of a session.
        context: event columns by name, with a value for each item; null where unknown.
        at: time of the recommendation, as ISO text or milliseconds since 1970; default: now.
    """

    items: Ids | None = None
    session: Name | None = None
    context: Context | None = None
    at: Moment | None = None


class Settings(Struct, forbid_unknown_fields=True, kw_only=True):
    """What a list is made of.

    Args:
        k: length of the list.
        allow: original ids of the only items that may be recommended.
        deny: original ids of items that may not; where both name an item, it may not.
        categories: only items of one of these categories.
        in_stock: leave out what the filters call out of stock.
        exclude_seen: leave out the session's own items; default: as the model was evaluated.
        explain: say for each item which events it rests on.
        timeout_ms: how long the answer is of use.
    """

    k: Length = 10
    allow: Ids | None = None
    deny: Ids = []
    categories: Annotated[list[Name], Meta(max_length=1000)] | None = None
    in_stock: bool = True
    exclude_seen: bool | None = None
    explain: bool = False
    timeout_ms: Annotated[int, Meta(ge=1, le=60_000)] | None = None


class Recommend(Settings, forbid_unknown_fields=True, kw_only=True):
    """``POST /v1/recommend``: one session, or many of the same settings in ``sessions``."""

    items: Ids | None = None
    session: Name | None = None
    context: Context | None = None
    at: Moment | None = None
    sessions: Annotated[list[Asked], Meta(min_length=1, max_length=SESSIONS_MOST)] | None = None


class Similar(Struct, forbid_unknown_fields=True, kw_only=True):
    """``POST /v1/similar``: the items whose vectors point the same way (cosine).

    Args:
        item: original id.
    """

    item: Id
    k: Length = 10
    allow: Ids | None = None
    deny: Ids = []
    categories: Annotated[list[Name], Meta(max_length=1000)] | None = None
    in_stock: bool = True


class Happened(Struct, forbid_unknown_fields=True, kw_only=True):
    """An event of a session.

    Args:
        event_id: unique; an event that comes twice counts once.
        session: the id of the session.
        item: original id.
        event: what happened; ``impression`` and ``dismiss`` don't join the session's history.
        request_id: of the answer that showed the item.
        slot: where it was shown, from 0.
        value: what it is worth.
        time: ISO text or milliseconds since 1970; default: now.
        context: values of event columns, by name.
    """

    event_id: Name
    session: Name
    item: Id
    event: Annotated[str, Meta(min_length=1, max_length=64)] = "click"
    request_id: Name | None = None
    slot: Annotated[int, Meta(ge=0, lt=K_MOST)] | None = None
    value: float = 1.0
    time: Moment | None = None
    context: Annotated[dict[str, str | int | float | None], Meta(max_length=64)] = {}


class Events(Struct, forbid_unknown_fields=True, kw_only=True):
    """``POST /v1/events``: what happened, in order."""

    events: Annotated[list[Happened], Meta(min_length=1, max_length=EVENTS_MOST)]


class FiltersGiven(Struct, forbid_unknown_fields=True, kw_only=True):
    """``PUT /v1/filters``: what may be shown to anybody, in place of all that was said before.

    Args:
        allow: original ids of the only items that may be shown; null: all.
        deny: original ids of items that may not.
        out_of_stock: original ids of items that are shown only where ``in_stock`` is false.
    """

    allow: list[Id] | None = None
    deny: list[Id] = []
    out_of_stock: list[Id] = []


class Load(Struct, forbid_unknown_fields=True, kw_only=True):
    """``POST /admin/load``: the folder of the bundle to go on with."""

    bundle: Name


REQUESTS: tuple[type[Struct], ...] = (Recommend, Similar, Events, FiltersGiven, Load)


def fields_of(kind: type[Struct]) -> dict[str, list[str]]:
    """Return the names of the fields of a request, and of the objects within it by their path."""
    inner: dict[Any, dict[str, type[Struct]]] = {
        Recommend: {"sessions": Asked},
        Events: {"events": Happened},
    }
    fields = {"$": list(kind.__struct_fields__)}
    for name, each in inner.get(kind, {}).items():
        fields[f"$.{name}"] = list(each.__struct_fields__)
    return fields
