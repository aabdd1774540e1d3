"""Several processes of one run, as torchrun starts them."""

import socket
from collections.abc import Mapping

from helpers.place import Place


def as_torchrun(
    place: Place,
    *arguments: str,
    status: int = 0,
    world: int = 2,
    of: Mapping[int, dict[str, str]] | None = None,
) -> str:
    """Start processes with all that torchrun tells them; return what the first one prints.

    Args:
        place: where.
        arguments: of ``train.py``.
        status: that all end with.
        world: how many.
        of: further environment of some of them, by rank.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    said = {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world), "GROUP_RANK": "0"}
    said |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "TORCHELASTIC_RUN_ID": "none"}
    started = []
    for rank in range(world):
        each = Place(place.folder)
        each.env = place.env | said | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        each.env |= (of or {}).get(rank, {})
        started.append(each.start("train.py", *arguments))
    ended = [each.end() for each in started]
    assert [ended_with for ended_with, _ in ended] == [status] * world, ended
    return ended[0][1]
