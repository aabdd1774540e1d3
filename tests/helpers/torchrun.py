"""Several processes of one run, as torchrun starts them."""

import socket

from helpers.place import Place


def as_torchrun(
    place: Place, *arguments: str, status: int = 0, of_second: dict[str, str] | None = None
) -> str:
    """Start two processes with all that torchrun tells them; return what the first one prints.

    Args:
        place: where.
        arguments: of ``train.py``.
        status: that both end with.
        of_second: the second one's further environment.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    said = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "none"}
    said |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "GROUP_RANK": "0"}
    both = []
    for n in "01":
        each = Place(place.folder)
        each.env = place.env | said | {"RANK": n, "LOCAL_RANK": n}
        each.env |= (of_second or {}) if n == "1" else {}
        both.append(each.start("train.py", *arguments))
    ended = [each.end() for each in both]
    assert [ended_with for ended_with, _ in ended] == [status, status], ended
    return ended[0][1]
