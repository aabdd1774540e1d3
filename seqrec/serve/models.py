"""The bundles that answer: swapped while requests are answered, and swapped back.

The pointer file ``live.json`` names them (:mod:`seqrec.live`). All workers look at it, so whoever
replaces it (``/admin/load``, a promotion) changes what all of them answer with. A worker goes on
with what it has until the next bundle is loaded and gives its golden answers.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from seqrec.disk.manifest import MANIFEST
from seqrec.errors import RunError, SeqrecError
from seqrec.feedback import now
from seqrec.home import command
from seqrec.live import POINTER, Live, Served, place_of, read_live
from seqrec.live.record import change, current, served
from seqrec.live.steps import back, swap
from seqrec.serve.choice import Chooser
from seqrec.serve.model import Model


class Loaded:
    """A model, and what chooses the items that a request allows of it.

    Attributes:
        model: the model.
        chooser: for the event loop.
        beside: for the thread of the shadow.
    """

    def __init__(self, model: Model) -> None:
        self.model, self.chooser, self.beside = model, Chooser(model), Chooser(model)


class Models:
    """The models that answer now.

    Args:
        folder: of the pointer file.
        load: opens a bundle, and checks that it gives its golden answers.

    Attributes:
        live: answers all sessions but those of the canary.
        canary: answers these; None: there is none.
        shadow: is asked beside, and answers nobody; None: there is none.
        failed: why what the pointer names can't be loaded; None: it answers.
    """

    def __init__(self, folder: Path, load: Callable[[Path], Model]) -> None:
        self.folder, self._load = folder, load
        self.failed: str | None = None
        self.live: Loaded
        self.canary: Loaded | None = None
        self.shadow: Loaded | None = None
        self._pointer: Live
        self._kept: dict[tuple[Path, bytes], Loaded] = {}
        self._mark: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def of(self, key: str) -> Loaded:
        """Return what answers a session.

        Args:
            key: the session's id or, for a request without one, the request's.
        """
        if self.canary is None or self._pointer.role_of(key) == "live":
            return self.live
        return self.canary

    def beside(self, request: str) -> Loaded | None:
        """Return the shadow if it is asked a request, too."""
        return self.shadow if self.shadow and self._pointer.is_shadowed(request) else None

    def all(self) -> list[Loaded]:
        """Return what answers."""
        return [self.live] if self.canary is None else [self.live, self.canary]

    def changed(self) -> bool:
        """Return whether the pointer was replaced since it was last followed."""
        try:
            return self._marked() != self._mark
        except OSError:
            return False

    def follow(self) -> None:
        """Load what the pointer names, and answer with it.

        Raises:
            SeqrecError: something of it can't be loaded, or isn't what the pointer says; the models
                of before go on, and :attr:`failed` says why.
        """
        with self._lock:
            try:
                self._mark = self._marked() if (self.folder / POINTER).exists() else None
                pointer = read_live(self.folder)
                if pointer is None:
                    raise _nothing(self.folder)
                roles = (pointer.live, pointer.canary, pointer.shadow, pointer.previous)
                loaded = [self._loaded(each) for each in roles[:3]]
            except (SeqrecError, OSError) as error:
                self.failed = str(error)
                raise
            assert loaded[0] is not None
            self.failed, self._pointer = None, pointer
            before = getattr(self, "live", None)
            if before is not None:  # at a start, it is done beside the first requests
                self._prepare(loaded)
            self.live, self.canary, self.shadow = loaded[0], loaded[1], loaded[2]
            keep = (*loaded, before)  # the one before, for a rollback
            self._kept = {key: each for key, each in self._kept.items() if each in keep}

    def put(self, bundle: Path, *, why: str) -> Live:
        """Load a bundle and, if it is sound, write that it is live from now on.

        A canary or a shadow isn't on trial any more.

        Args:
            bundle: its folder.
            why: what the history keeps of it.

        Raises:
            SeqrecError: it can't be loaded, or the pointer or its history can't be written.
        """
        with self._lock:
            model = self._of_folder(bundle).model
            before = read_live(self.folder)
            given = served(self.folder, bundle, model.sha)
            if before is not None and before.live.sha == given.sha:
                places = [place_of(self.folder, each) for each in (before.live, given)]
                if places[0].resolve() == places[1].resolve():
                    return before
            time = now()
            after = change(
                self.folder,
                lambda before: swap(before, given, time=time),
                action="loaded",
                time=time,
                why=why,
                candidate=vars(given),
            )
            assert after is not None
            return after

    def roll_back(self, *, why: str) -> Live:
        """Take the canary back or, without one, return to what was live before, once it is loaded.

        Args:
            why: what the history keeps of it.

        Raises:
            SeqrecError: there is nothing to go back to, it can't be loaded, or the pointer or its
                history can't be written.
        """
        with self._lock:
            before, time = current(self.folder), now()
            after = back(before, time=time)
            self._loaded(after.live)
            seen = 0 if before is None else before.version
            record = {"action": "rolled back", "time": time, "why": why}
            change(self.folder, lambda _: after, seen=seen, **record)
            return after

    def prepare(self) -> None:
        """Read what answers need later, so that no request has to wait for it."""
        self._prepare(self.all())

    @staticmethod
    def _prepare(loaded: Sequence[Loaded | None]) -> None:
        for each in loaded:
            if each is not None:
                _ = each.model.categories, each.model.by_events

    def _loaded(self, served: Served | None) -> Loaded | None:
        if served is None:
            return None
        loaded = self._of_folder(place_of(self.folder, served))
        if loaded.model.sha != served.sha:
            raise RunError(
                "the bundle isn't the one that was made live",
                where=str(loaded.model.bundle.path),
                todo=f"{command('serve', f'bundle={served.bundle}')} takes it as it is now",
            )
        return loaded

    def _of_folder(self, bundle: Path) -> Loaded:
        """Load a bundle, or return it if it is loaded and its manifest is the same."""
        place = bundle.resolve()
        try:
            key = place, (place / MANIFEST).read_bytes()
        except OSError:
            key = place, b""  # loading it says what is wrong
        if key not in self._kept:
            self._kept[key] = Loaded(self._load(place))
        return self._kept[key]

    def _marked(self) -> tuple[int, int]:
        stat = (self.folder / POINTER).stat()
        return stat.st_ino, stat.st_mtime_ns


def _nothing(folder: Path) -> RunError:
    return RunError(
        f"no bundle is live yet: there is no {POINTER}",
        where=str(folder),
        todo=command("serve", "bundle=FOLDER", f"folder={folder}"),
    )
