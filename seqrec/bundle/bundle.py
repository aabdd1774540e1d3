"""A bundle, opened: it answers what the run that it was exported from answers."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PanicException, PolarsError

from seqrec.bundle.batch import Batch, Batcher
from seqrec.bundle.items import Items
from seqrec.bundle.manifest import MODELS, Manifest, damaged
from seqrec.bundle.model import Onnx
from seqrec.bundle.rank import top_items
from seqrec.bundle.texts import Found, Texts
from seqrec.errors import ConfigError
from seqrec.recommend.arguments import choice_of, ids_of, length_of, session_of
from seqrec.recommend.session import Recommendation, Session

Floats = NDArray[np.float32]
Runner = Callable[[Mapping[str, NDArray[Any]]], tuple[Floats, Floats]]
Given = Session | Iterable[str | int]


class Bundle:
    """An exported model with its items.

    Args:
        path: the folder.
        manifest: its checked manifest.
        model: runs the exported model; None: onnxruntime does.

    Attributes:
        sha: names the bundle and everything in it.
        items: its catalogue; ids, indices and titles.
        vectors: ``items_VD``, float32, mapped to memory; row 0 is the padding.
        bias: ``bias_V``, float32, added to the scores; None: there is none.
        events: ``count_V``, int64, the training events of each item; None: the bundle is of a
            version that didn't count them.
        int8: ``(code_VD, scale_V)``, mapped: a row is about ``code * scale``; None: there is none.
        columns: of the events that the model reads: ``categories``, or ``mean`` and ``std``, or
            nothing (times), by name.
        batcher: makes batches of sessions.
    """

    def __init__(self, path: Path, manifest: Manifest, model: Runner | None = None) -> None:
        self.path, self.manifest, self.sha = path, manifest, manifest.sha
        try:
            self.items = self._items()
        except ValueError as error:
            raise damaged(path, "ids.npy", error) from error
        sizes = len(self.items) + 1, manifest["dim"]
        self.vectors: Floats = self._array("items.npy", np.float32, sizes)
        self.bias: Floats | None = None
        self.int8: tuple[NDArray[np.int8], Floats] | None = None
        self.events: NDArray[np.int64] | None = None
        if "events.npy" in manifest["files"]:
            self.events = self._array("events.npy", np.int64, sizes[:1])
        if "bias.npy" in manifest["files"]:
            self.bias = self._array("bias.npy", np.float32, sizes[:1])
        if {"items.int8.npy", "items.scale.npy"} <= manifest["files"].keys():
            code_VD = self._array("items.int8.npy", np.int8, sizes)
            self.int8 = code_VD, self._array("items.scale.npy", np.float32, sizes[:1])
        self.columns = self._context()
        self.batcher = Batcher(
            self.items,
            max_length=manifest["max_length"],
            wanted=manifest["wanted"],
            columns=self.columns,
            n_users=manifest["n_users"],
        )
        self._model = model

    @classmethod
    def open(cls, path: str | Path, *, full: bool = False, model: Runner | None = None) -> "Bundle":
        """Open a bundle whose files are as they were exported.

        Args:
            path: the folder.
            full: check every byte of large files, too.
            model: runs the exported model; None: onnxruntime, for a bundle with ``model.onnx``.

        Raises:
            RunError: it isn't a bundle, a file of it has changed, or its schema is another.
        """
        folder = Path(path)
        return cls(folder, Manifest.read(folder, full=full), model)

    @property
    def catalogue(self) -> pl.DataFrame:
        """The catalogue as a table: index, item, title, candidate and categories, if any."""
        try:
            return pl.read_parquet(self.path / "catalogue.parquet")
        except (OSError, PolarsError, PanicException) as error:
            raise damaged(self.path, "catalogue.parquet", error) from error

    @property
    def model(self) -> Runner:
        """What runs the exported model.

        Raises:
            ConfigError: the bundle has no ``model.onnx``, or onnxruntime isn't installed.
        """
        if self._model is None:
            if self.manifest["format"] != "onnx":
                raise ConfigError(
                    f"the bundle holds {MODELS[self.manifest['format']]}, which needs torch to run",
                    where=str(self.path),
                    todo="export the run with format=onnx",
                )
            self._model = Onnx(self.path / MODELS["onnx"], dim=self.manifest["dim"])
        return self._model

    def run(self, batch: Batch) -> tuple[Floats, Floats]:
        """Return ``(query_BD, attention_BL)`` of a batch that :attr:`batcher` made."""
        return self.model(batch.inputs(self.items.candidate_V))

    def encode(self, sessions: Sequence[Given]) -> tuple[Floats, Floats]:
        """Return ``(query_BD, attention_BL)``, float32, of sessions in original ids.

        A score is the product of a query and a row of :attr:`vectors`, plus :attr:`bias`.

        Raises:
            DataError: see :meth:`recommend`.
        """
        return self.run(self.batcher([session_of(session) for session in sessions]))

    def recommend(
        self,
        session: Given,
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        allow: Iterable[str | int] | None = None,
        deny: Iterable[str | int] = (),
    ) -> Recommendation:
        """Return the `k` best items to follow a history: the list that the run gives.

        Args:
            session: the session, or only its items, as texts or whole numbers; items that the
                catalogue lacks are ignored.
            k: length of the list.
            mask_seen: leave the history's own items out; None: as in the run's evaluation.
            allow: original ids of the only items that may be recommended; None: all that training
                saw.
            deny: original ids of items that may not be recommended.

        Raises:
            DataError: the catalogue has none of the items, these aren't ids in an order, k isn't a
                whole number of at least 1, the model doesn't take this context, or the catalogue
                lacks an allowed or denied item.
        """
        [answer] = self.recommend_all([session], k=k, mask_seen=mask_seen, allow=allow, deny=deny)
        return answer

    def recommend_all(
        self,
        sessions: Sequence[Given],
        *,
        k: int = 10,
        mask_seen: bool | None = None,
        allow: Iterable[str | int] | None = None,
        deny: Iterable[str | int] = (),
    ) -> list[Recommendation]:
        """Return the `k` best items to follow each history; see :meth:`recommend`."""
        k, chosen = min(length_of(k), len(self.items)), choice_of(mask_seen)
        allowed_V = self.allowed(allow=allow, deny=deny)
        batch = self.batcher([session_of(session) for session in sessions])
        query_BD, alpha_BL = self.run(batch)
        masks = self.manifest["mask_seen"] if chosen is None else chosen
        item_BK, score_BK = top_items(
            query_BD,
            self.vectors,
            self.bias,
            k=k,
            allowed_V=allowed_V,
            masked=batch.seen if masks else None,
        )
        return [
            Recommendation(
                self.items.table(item_K[item_K > 0].tolist(), score=score_K[item_K > 0].tolist()),
                self.items.table(item_L[:n].tolist(), attention=alpha_L[:n].tolist()),
                unknown,
            )
            for item_K, score_K, item_L, alpha_L, n, unknown in zip(
                *(item_BK, score_BK, batch.item_BL, alpha_BL, batch.length_B, batch.unknown),
                strict=True,
            )
        ]

    def allowed(
        self, *, allow: Iterable[str | int] | None = None, deny: Iterable[str | int] = ()
    ) -> NDArray[np.bool_]:
        """Return ``allowed_V``: the candidates that `allow` and `deny` leave.

        Raises:
            DataError: the catalogue lacks one of the items.
        """
        allowed_V = self.items.candidate_V
        if allow is not None:
            given_V = np.zeros_like(allowed_V)
            given_V[self.items.indices(ids_of(allow, where="allow"), where="allow")] = True
            allowed_V = allowed_V & given_V
        if denied := self.items.indices(ids_of(deny, where="deny"), where="deny"):
            allowed_V = allowed_V.copy()
            allowed_V[denied] = False
        return allowed_V

    def _items(self) -> Items:
        n = self.manifest["n_items"]
        ids, titles = (
            Texts(
                self._array(f"{name}.npy", np.uint8, (None,)),
                self._array(f"{name}.begin.npy", np.int64, (n + 1,)),
            )
            for name in ("ids", "titles")
        )
        return Items(
            ids=ids,
            titles=titles,
            found=Found(ids, self._array("ids.slot.npy", np.int32, (None,))),
            candidate_V=self._array("candidate.npy", np.bool_, (n + 1,)),
        )

    def _array(self, name: str, dtype: Any, shape: tuple[int | None, ...]) -> NDArray[Any]:
        """Map an array to memory; None in `shape` is any size."""
        try:
            array = np.load(self.path / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise damaged(self.path, name, error) from error
        sizes = zip(array.shape, shape, strict=False)
        if (
            array.dtype != dtype
            or array.ndim != len(shape)
            or any(wanted not in (None, size) for size, wanted in sizes)
        ):
            raise damaged(self.path, name, f"it is {array.dtype}{list(array.shape)}")
        return np.asarray(array)  # the same memory; a memmap costs more at each slice

    def _context(self) -> dict[str, dict[str, Any]]:
        wanted = self.manifest["wanted"]
        try:
            columns = json.loads((self.path / "context.json").read_bytes())
            for name in wanted:
                names = columns[name].get("categories", [])
                if not all(isinstance(each, str) for each in names):
                    raise ValueError(f"the categories of {name} aren't texts")
        except (OSError, ValueError, TypeError, LookupError, AttributeError) as error:
            raise damaged(self.path, "context.json", error) from error
        return columns
