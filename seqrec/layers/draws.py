"""Random numbers for the rows of a batch, the same however wide the batch is."""

import torch
from torch import Generator, Tensor


def uniform(valid_BL: Tensor, generator: Generator) -> Tensor:
    """Draw a number in [0, 1) for each valid position, float32, and 1 for the others.

    Padding takes no draw, so a row's draws don't depend on how wide its batch is.
    """
    drawn_BL = torch.ones(valid_BL.shape, device=valid_BL.device)
    count = int(valid_BL.sum())
    drawn_BL[valid_BL] = torch.rand(count, generator=generator, device=valid_BL.device)
    return drawn_BL


def own_generator(device: torch.device) -> Generator:
    """Return a generator for one step, seeded by a draw of torch's.

    Training seeds torch's at every epoch, so a run that continues draws what an unbroken one draws.
    """
    seed = int(torch.randint(2**62, ()))
    return torch.Generator(device).manual_seed(seed)
