"""What ends a program from outside: Ctrl-C, and SIGTERM, which schedulers send."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType


class Terminated(KeyboardInterrupt):
    """SIGTERM: what ends in good order after Ctrl-C does so after it, too."""


@contextmanager
def terminable() -> Iterator[None]:
    """Raise :class:`Terminated` at SIGTERM, which would end the process where it stands."""
    before = signal.getsignal(signal.SIGTERM)
    if not terminate_at_sigterm():
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def terminate_at_sigterm() -> bool:
    """Let SIGTERM raise :class:`Terminated` from now on; return whether this thread may say so."""
    if threading.current_thread() is not threading.main_thread():  # others can't set handlers
        return False
    signal.signal(signal.SIGTERM, _raise)
    return True


def status_of(end: KeyboardInterrupt) -> int:
    """Return the exit status that says what ended the program: 128 and the signal's number."""
    return 128 + (signal.SIGTERM if isinstance(end, Terminated) else signal.SIGINT)


def end_in_words() -> None:
    """Let Ctrl-C end this program with a word instead of a traceback, wherever it arrives."""
    others = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            print("stopped", file=sys.stderr)
        else:
            others(kind, error, trace)

    sys.excepthook = hook


def _raise(number: int, frame: FrameType | None) -> None:
    raise Terminated
