"""The memory that is free for this process."""

from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")  # of a container, version 2
CACHED = ("inactive_file", "active_file")  # what is given back when memory is asked for


def free_memory() -> int:
    """Return how many bytes of memory are free: of the machine, and of a container's limit."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (int((CGROUP / f"memory.{what}").read_text()) for what in ("max", "current"))
        lines = (CGROUP / "memory.stat").read_text().splitlines()
        cached = sum(int(line.split()[1]) for line in lines if line.split()[0] in CACHED)
    except (OSError, ValueError, IndexError):  # another system or version, or no limit ("max")
        return free
    return max(0, min(free, limit - used + cached))
