"""The machine that numbers are measured on."""

import platform
import sys
from pathlib import Path
from typing import Any

import psutil

from seqrec.run.environment import describe_environment


def describe_machine() -> dict[str, Any]:
    """Describe what the numbers depend on besides the settings."""
    return {
        **describe_environment(),
        "command": sys.argv,
        "processor": _processor(),
        "memory_mb": psutil.virtual_memory().total / 2**20,
    }


def _processor() -> str:
    """Return the name of the processor's model, which psutil doesn't know."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
