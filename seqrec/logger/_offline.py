"""The parts of a W&B run that were logged offline, each in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

BLOCK, HEADER, FILE_HEADER = 32768, 7, 7  # bytes of the log's format, which is LevelDB's
WHOLE, FIRST, LAST = 1, 2, 4  # kinds of chunks; 3 is one in the middle


def parts_of(folder: Path, run_id: str) -> list[Path]:
    """Return the folders of a run that aren't uploaded, in the order in which they were logged."""
    found = sorted(folder.glob(f"wandb/offline-run-*-{run_id}"))
    return [part for part in found if not any(part.glob("*.synced"))]


def next_step(folder: Path, run_id: str) -> int:
    """Return the step that follows those of all parts of a run; 0 without an earlier part."""
    files = folder.glob(f"wandb/*run-*-{run_id}/run-{run_id}.wandb")
    return 1 + max((step for file in files for step in _steps(file)), default=-1)


def _steps(file: Path) -> Iterator[int]:
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    for content in _records(file.read_bytes()):
        try:
            record = Record.FromString(content)
        except ValueError:  # protobuf's DecodeError: the last record of a killed process
            return
        for item in record.history.item:
            if "_step" in (item.key, *item.nested_key):
                yield int(item.value_json)
        yield record.history.step.num if record.HasField("history") else -1


def _records(log: bytes) -> Iterator[bytes]:
    at, begun = FILE_HEADER, b""
    while at + HEADER <= len(log):
        left = BLOCK - at % BLOCK
        if left < HEADER:  # the rest of a block is empty
            at += left
            continue
        size, kind = int.from_bytes(log[at + 4 : at + 6], "little"), log[at + 6]
        begun = (b"" if kind in (WHOLE, FIRST) else begun) + log[at + HEADER : at + HEADER + size]
        at += HEADER + size
        if kind in (WHOLE, LAST):
            yield begun
