"""The bundle that answers: swapped while requests are answered, and swapped back.

A pointer, a file such as ``{"bundle": "FOLDER", "before": "FOLDER"}``, names it. All workers look
at that file, so whoever replaces it (``/admin/load``, a promotion) changes the bundle of them all. A worker goes
on with the bundle it has until the next one is loaded and gives its golden answers.
"""

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from seqrec.disk.manifest import MANIFEST
from seqrec.disk.write import write_file
from seqrec.errors import RunError, SeqrecError
from seqrec.serve.choice import Chooser
from seqrec.serve.model import Model


class Pointer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which bundle answers.

    Args:
        bundle: its folder.
        before: the folder of the one before, for a rollback.
    """

    bundle: str
    before: str | None = None

    def folder(self, file: Path) -> Path:
        """Return the bundle's folder; a relative one lies beside the pointer's file."""
        return file.parent / self.bundle


class Loaded:
    """A model and the work it takes to choose items of it."""

    def __init__(self, model: Model) -> None:
        self.model, self.chooser = model, Chooser(model)


class Live:
    """The model that answers now.

    Args:
        file: the pointer.
        load: opens a bundle, and checks that it gives its golden answers.

    Attributes:
        current: the model that answers.
        failed: why the bundle that the pointer names can't be loaded; None: it answers.
    """

    def __init__(self, file: Path, load: Callable[[Path], Model]) -> None:
        self.file, self._load = file, load
        self.failed: str | None = None
        self._kept: dict[tuple[Path, bytes], Loaded] = {}
        self._mark: tuple[int, int] | None = None
        self.current: Loaded
        self._lock = threading.Lock()

    def start(self) -> None:
        """Load what the pointer names, and answer with it.

        Raises:
            SeqrecError: it can't be loaded.
        """
        self.current = self.follow()

    def changed(self) -> bool:
        """Return whether the file was replaced since it was last followed."""
        try:
            return _mark(self.file) != self._mark
        except OSError:
            return False

    def follow(self) -> Loaded:
        """Load what the file names, if it isn't loaded, and return it; :meth:`take` answers with it.

        Raises:
            SeqrecError: it can't be loaded; :attr:`failed` says why.
        """
        try:
            self._mark = _mark(self.file)
            loaded = self.load(read_pointer(self.file).folder(self.file))
        except (SeqrecError, OSError) as error:
            self.failed = str(error)
            raise
        self.failed = None
        return loaded

    def load(self, bundle: Path) -> Loaded:
        """Load a bundle, or return it if it is loaded and unchanged.

        Raises:
            SeqrecError: it can't be loaded.
        """
        place = bundle.resolve()
        key = place, _manifest(place)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = Loaded(self._load(place))
            return self._kept[key]

    def take(self, loaded: Loaded) -> None:
        """Answer with a loaded bundle; the one before stays loaded for a rollback."""
        if loaded is not self.current:
            keep = (self.current, loaded)
            self._kept = {key: each for key, each in self._kept.items() if each in keep}
            self.current = loaded


def read_pointer(file: Path) -> Pointer:
    """Read which bundle answers.

    Raises:
        RunError: the file can't be read, or says something else.
    """
    try:
        return msgspec.json.decode(file.read_bytes(), type=Pointer)
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(
            f"it doesn't say which bundle answers: {error}",
            where=str(file),
            todo='write {"bundle": "FOLDER"}',
        ) from error


def point(file: Path, bundle: Path) -> Pointer:
    """Write which bundle is to answer from now on, and which one did before.

    Raises:
        WriteError: it can't be written.
    """
    try:
        last = read_pointer(file)
    except RunError:
        last = None
    folder = str(bundle.absolute())
    if last is not None and last.bundle == folder:
        return last
    made = Pointer(bundle=folder, before=None if last is None else last.bundle)
    write_file(file, msgspec.json.encode(made) + b"\n")
    return made


def _mark(file: Path) -> tuple[int, int]:
    stat = file.stat()
    return stat.st_ino, stat.st_mtime_ns


def _manifest(bundle: Path) -> bytes:
    """Return the content of a bundle's manifest, which differs if anything in it does."""
    try:
        return (bundle / MANIFEST).read_bytes()
    except OSError:
        return b""
