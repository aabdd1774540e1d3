"""The log's hours that are over become Parquet, beside the server.

``python -m seqrec.serve.hours FOLDER`` does it once. It is a process of its own, so that an hour of
a busy log takes no memory and no time of the one that answers, and the log's lock lets one at a
time through, whoever starts it. Whenever it is killed, no line is lost (:mod:`seqrec.feedback`).
"""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from seqrec.errors import SeqrecError
from seqrec.feedback import compact, now
from seqrec.feedback.write import hour_of
from seqrec.home import PROJECT
from seqrec.terminal.say import say

LOOK_S = 30.0  # seconds between two looks at the log
NICE = 10  # requests go first
STOP_S = 2.0  # seconds that it may take to end


class Hours:
    """Starts that process when an hour is over.

    Args:
        folder: of the log.

    Attributes:
        trouble: why it failed the last time; None: it didn't.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trouble: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._next = 0.0

    def look(self) -> None:
        """Start the process if there is something to do; note how the one before ended."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self._note(self._process)
            self._process = None
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + LOOK_S
            if self._is_over():
                self._start()

    def close(self) -> None:
        """End the process; what it was at is done the next time."""
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=STOP_S)

    def _is_over(self) -> bool:
        this = hour_of(now())
        return any(file.name[:13] < this for file in self.folder.glob("*.jsonl"))

    def _start(self) -> None:
        path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self.folder)],
                env={**os.environ, "PYTHONPATH": path},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            self._tell(str(error))

    def _note(self, process: subprocess.Popen[bytes]) -> None:
        said = process.communicate()[1].decode("utf-8", "replace").strip()
        if process.returncode:
            self._tell(said.splitlines()[-1] if said else f"it ended with {process.returncode}")
        else:
            self.trouble = None

    def _tell(self, why: str) -> None:
        if why != self.trouble:
            say(f"the log's past hours stay as they are: {why}", style="bold red")
        self.trouble = why


def main(folder: str) -> int:
    """Compact a log, unless somebody does; return the exit status."""
    try:
        compact(folder, wait=False)
    except SeqrecError as error:
        sys.stderr.write(f"{error.what} ({error.where})\n")
        return 1
    return 0


if __name__ == "__main__":
    os.nice(NICE)
    sys.exit(main(sys.argv[1]))
