"""What a bundle's manifest says, and that its files are those which were exported.

==========================  =====================================================================
``manifest.json``           what the model is and takes, what its explanations are worth if they
                            were audited; size and hashes of every other file
``model.onnx``              histories to queries and attention weights; or ``model.pt2``, or
                            ``model.npz``, for those who run it with torch
``items.npy``, ``bias.npy`` float32: a score is ``query . items[i] + bias[i]``; row 0 is padding
``inputs.npy``              float32: the vectors that the model reads, where they aren't the above
``items.int8.npy``          int8, and ``items.scale.npy``, a scale for each row
``candidate.npy``           bool: which items may be recommended
``events.npy``              int64: training events of each item, which say what is popular
``ids.npy``, ``titles.npy`` uint8: original ids and titles one after another; ``*.begin.npy`` says
                            where each begins; ``ids.slot.npy`` is the hash table of the ids
``catalogue.parquet``       the same as a table, with categories, for whoever searches it
``context.json``            event columns: their categories, or mean and standard deviation
``golden.json``             twenty requests with their answers
``requests.parquet``        requests with the queries and lists that the run gave
``parity.json``             what the gate measured
``card.md``                 the model card
==========================  =====================================================================
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.disk.manifest import MANIFEST, ChangedError, check_entry, entries
from seqrec.errors import RunError
from seqrec.home import command

SCHEMA = 1
MODELS = {"onnx": "model.onnx", "pt2": "model.pt2", "tensors": "model.npz"}
NEEDED = (
    *("items.npy", "candidate.npy", "ids.npy", "ids.begin.npy", "ids.slot.npy"),
    *("titles.npy", "titles.begin.npy", "catalogue.parquet", "context.json"),
)
OPTIONAL = (
    *("bias.npy", "inputs.npy", "items.int8.npy", "items.scale.npy", "events.npy"),
    *("golden.json", "requests.parquet", "parity.json", "card.md"),
)
FILES = frozenset({*MODELS.values(), *NEEDED, *OPTIONAL})
ENTRIES: dict[str, Any] = {
    **{"schema": int, "format": str, "run": dict, "data": dict, "versions": dict},
    **{"inputs": list, "wanted": list, "max_length": int, "dim": int, "n_items": int},
    **{"n_users": int, "rounding": float, "mask_seen": bool, "files": dict},
}


@dataclass(frozen=True)
class Manifest:
    """A bundle's manifest.

    Args:
        sha: hash of the manifest, and so of everything in the bundle.
        content: its entries; see :data:`ENTRIES`.
    """

    sha: str
    content: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.content[name]

    @classmethod
    def read(cls, folder: Path, *, full: bool = False) -> "Manifest":
        """Read the manifest of a bundle, and check its files against it.

        Args:
            folder: the bundle.
            full: read all of large files, too; see :mod:`seqrec.disk.manifest`.

        Raises:
            RunError: it isn't a bundle (but a run, say), is of another schema, names a file that no
                bundle has, or a file isn't what was exported.
        """
        if (folder / "config.yaml").is_file():
            raise RunError(
                "this is the folder of a run, not a bundle",
                where=str(folder),
                todo=f"export it first: {command('export', f'run={folder}', 'out=bundle')}",
            )
        try:
            text = (folder / MANIFEST).read_bytes()
            content = json.loads(text)
        except OSError as error:
            raise RunError(
                f"not a bundle: it has no {MANIFEST} that can be read",
                where=str(folder),
                todo=f"export one: {command('export', 'run=FOLDER', 'out=bundle')}",
            ) from error
        except (ValueError, RecursionError) as error:
            raise damaged(folder, MANIFEST, error) from error
        if not isinstance(content, dict) or "schema" not in content:
            raise damaged(folder, MANIFEST, "it isn't that of a bundle")
        if content["schema"] != SCHEMA:
            raise RunError(
                f"the bundle has schema {content['schema']}, and this version reads {SCHEMA}",
                where=str(folder / MANIFEST),
                todo="export the run again, or use the version of seqrec that wrote it",
            )
        _check_entries(folder, content)
        _check_files(folder, full=full)
        return cls(hashlib.sha256(text).hexdigest(), content)


def damaged(folder: Path, name: str, why: object) -> RunError:
    """Return an error that names the file of a bundle which isn't what was exported."""
    reason = str(why).strip().partition("\n")[0]
    return RunError(
        f"{name} of the bundle can't be used: {reason}",
        where=str(folder),
        todo="copy the bundle again from where it was exported, or export the run again",
    )


def _check_entries(folder: Path, content: dict[str, Any]) -> None:
    wrong = [n for n, kind in ENTRIES.items() if not isinstance(content.get(n, ...), kind)]
    if wrong:
        raise damaged(folder, MANIFEST, f"{', '.join(wrong[:3])} is missing or of the wrong type")
    if not all(isinstance(name, str) for name in content["wanted"]):
        raise damaged(folder, MANIFEST, "the event columns that are wanted aren't names")
    if content["n_items"] < 1 or content["dim"] < 1 or content["max_length"] < 1:
        raise damaged(folder, MANIFEST, "a size is out of range")
    if content["format"] not in MODELS:
        raise damaged(folder, MANIFEST, f"format {content['format']!r} is unknown")
    needed = {MODELS[content["format"]], *NEEDED}
    if missing := needed - content["files"].keys():
        raise damaged(folder, MANIFEST, f"it doesn't name {', '.join(sorted(missing))}")
    if foreign := content["files"].keys() - FILES:
        raise damaged(
            folder, MANIFEST, f"it names {min(foreign)}, which no bundle has: nothing of it is read"
        )


def _check_files(folder: Path, *, full: bool) -> None:
    name = MANIFEST
    try:
        for name, entry in entries(folder).items():
            if (folder / name).is_symlink():
                raise ChangedError("it is a link")
            check_entry(folder / name, entry, full=full)
    except (OSError, ValueError) as error:
        raise damaged(folder, name, getattr(error, "strerror", None) or error) from error
