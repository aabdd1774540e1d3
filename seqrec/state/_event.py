"""An event of a session, as it is kept."""

from typing import Any

import msgspec


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One event.

    Args:
        item: original id.
        time: milliseconds since 1970, as the client says or as it arrived.
        id: the event's id; one that was kept before isn't kept again. None: it is always kept.
        context: values of event columns, by name.
    """

    item: str
    time: int
    id: str | None = None
    context: dict[str, str | float | None] = {}


Packed = msgspec.json.Decoder(Event)


def packed(event: Event) -> bytes:
    """Write an event as bytes."""
    return msgspec.json.encode(event)


def unpacked(content: bytes | Any) -> Event:
    """Read an event that :func:`packed` wrote."""
    return Packed.decode(content)
