"""What ends a training of several processes: SIGTERM, which schedulers send."""

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Callback

from seqrec.terminal.stop import terminate_at_sigterm


class Ending(Callback):
    """End each process where it stands at SIGTERM, as Ctrl-C does; the last epoch is saved.

    Lightning's handler would tell the other processes by a collective. The signal can arrive in the
    middle of another one, and then every process waits for ever.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handler, which it takes away itself at the end of training."""
        if trainer.world_size > 1:
            terminate_at_sigterm()
