"""What an adapted run learned, as one small file beside its weights."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from seqrec.errors import RunError
from seqrec.run.checkpoints import read_checkpoint, write_checkpoint

FILE = "adapter.ckpt"


def write_adapter(
    model: nn.Module, file: Path, *, node: dict[str, Any], base: dict[str, Any] | None
) -> None:
    """Write the trained parameters of an adapted model.

    Args:
        model: whose other parameters need no gradient.
        file: where to write.
        node: configuration of the adapter.
        base: the run that it started from: ``run`` and ``weights``, the hash of its checkpoint.
    """
    trained = {name: p.detach().cpu() for name, p in model.named_parameters() if p.requires_grad}
    write_checkpoint({"state_dict": trained, "adapter": node, "base": base}, file)


def read_adapter(file: Path) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Any]]:
    """Read the parameters, the configuration of the adapter, and what it started from.

    Raises:
        RunError: it isn't there, is damaged, or isn't an adapter's file.
    """
    content = read_checkpoint(file)
    node, base = content.get("adapter"), content.get("base")
    if not isinstance(node, dict) or not isinstance(base, dict) or "weights" not in base:
        raise RunError(
            "it holds no adapter, or not what that started from",
            where=str(file),
            todo=f"name the {FILE} in the folder of a run with adapter=... and checkpoint=RUN",
        )
    return content["state_dict"], node, base
