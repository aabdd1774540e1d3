"""A bundle compared again with what its run answered, without the run and its data."""

from pathlib import Path

from seqrec.bundle.agree import Compared
from seqrec.bundle.bundle import Bundle
from seqrec.bundle.manifest import MODELS, Manifest
from seqrec.bundle.requests import ask_again, replay
from seqrec.errors import ConfigError
from seqrec.export.formats import format_of
from seqrec.export.gate import check_passed, worst_of


def check(path: Path, *, trust: bool = False) -> tuple[Bundle, Compared, int]:
    """Read every byte of a bundle, replay its golden requests, and ask the stored ones again.

    Args:
        path: the bundle.
        trust: let torch load ``model.pt2``, which evaluates expressions in it.

    Returns:
        The bundle, the comparison, and the number of golden requests.

    Raises:
        ConfigError: the format can't be run here.
        RunError: a file has changed, or an answer is another.
    """
    manifest = Manifest.read(path, full=True)
    kind = manifest["format"]
    if kind == "pt2" and not trust:
        raise ConfigError(
            f"{MODELS[kind]} is loaded by torch, which evaluates expressions from it",
            where=str(path),
            todo="add trust=true if you know who exported the bundle",
        )
    bundle = Bundle.open(path, model=format_of(kind).run(path, None, manifest["dim"]))
    golden, found = replay(bundle), ask_again(bundle)
    names = [f"request {at + 1}" for at in worst_of(found).tolist()]
    check_passed(found, {"passed": found.agrees}, names)
    return bundle, found, golden
