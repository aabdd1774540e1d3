"""The memory that is free for this process."""

from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")  # of a container, version 2


def free_memory() -> int:
    """Return how many bytes of memory are free: of the machine, and of a container's limit."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CGROUP / f"memory.{what}").read_text()) for what in ("max", "current"))
    except (OSError, ValueError):  # another system, another version, or no limit ("max")
        return free
    return max(0, min(free, limit - used))
