"""How Lightning writes and reads the checkpoints of a run."""

import os
from pathlib import Path
from typing import Any

from pytorch_lightning.plugins.io import TorchCheckpointIO

from seqrec.run.checkpoints import LAST, PREVIOUS, moved, read_checkpoint, write_checkpoint


class Checkpoints(TorchCheckpointIO):
    """Write checkpoints whole or not at all, and keep the last but one.

    Lightning's own writer copies a file over the one before where the folder for temporary files is
    on another file system, so that a run that is killed meanwhile loses both.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None
    ) -> None:
        """Write a checkpoint.

        Raises:
            WriteError: the disk is full, or the folder can't be written.
        """
        file = Path(path)
        before = file.with_name(PREVIOUS) if file.name == LAST else None
        write_checkpoint(checkpoint, file, before=before)

    def load_checkpoint(
        self, path: Any, *args: Any, mmap: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Read a checkpoint, wherever its folder was when it was written.

        Args:
            path: the file.
            args, options: Lightning's, which change nothing.
            mmap: leave the tensors on the disk until they are used.

        Raises:
            RunError: it is damaged.
        """
        return moved(read_checkpoint(Path(path), mmap=mmap), Path(os.path.realpath(path)).parent)
