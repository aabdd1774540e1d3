"""The exported graph, run by ONNX Runtime on one core."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.manifest import damaged
from seqrec.errors import ConfigError, RunError
from seqrec.home import command, install

INPUTS = ("item", "length", "user", "asked")
Floats = NDArray[np.float32]


class ModelError(RunError):
    """An exported model that gave no answer."""


class Onnx:
    """Maps the arrays of a batch to queries and attention weights.

    Args:
        file: ``model.onnx``; tables that it reads lie beside it.
        dim: width D of a query.

    Raises:
        ConfigError: onnxruntime isn't installed.
        RunError: it can't be loaded.
    """

    def __init__(self, file: Path, *, dim: int) -> None:
        self.file = file
        try:
            import onnxruntime as ort
        except ImportError as error:
            raise ConfigError(
                "a bundle is run by onnxruntime, which isn't installed",
                where=str(file),
                todo=install("serve"),
            ) from error
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3  # errors; they are raised as well
        try:
            self._session = ort.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime has a dozen kinds
            raise damaged(file.parent, file.name, error) from error
        self.names = [each.name for each in self._session.get_inputs()]
        outputs = [(each.name, each.shape) for each in self._session.get_outputs()]
        foreign = [n for n in self.names if n not in INPUTS and not n.startswith("event.")]
        names = [name for name, _ in outputs]
        if foreign or names != ["query", "attention"] or outputs[0][1][1:] != [dim]:
            raise damaged(file.parent, file.name, f"it maps {self.names} to {outputs}")

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> tuple[Floats, Floats]:
        """Return ``query_BD`` and ``attention_BL``; inputs that the model doesn't read are left.

        Raises:
            ModelError: onnxruntime fails.
        """
        given = {name: inputs[name] for name in self.names}
        try:
            query_BD, alpha_BL = self._session.run(None, given)
        except Exception as error:  # onnxruntime has a dozen kinds
            first = str(error).strip().partition("\n")[0]
            raise ModelError(
                f"the exported model fails: {first}",
                where=str(self.file),
                todo=f"check the bundle: {command('export', f'check={self.file.parent}')}",
            ) from error
        return query_BD, alpha_BL
