"""Experiments on planted sequences, composed as a user's command line would be."""

from functools import cache
from pathlib import Path

import torch
from omegaconf import DictConfig

from seqrec.build import build_source
from seqrec.config.compose import compose
from seqrec.config.schema import Root
from seqrec.config.typed import typed
from seqrec.store.prepare import prepare

TINY = ("data=synthetic", "logger=none", "trainer=cpu", "dim=8", "max_length=20", "dropout=0.0")


def root(*overrides: str) -> Root:
    """The typed configuration of a small run."""
    return typed(_composed(overrides))  # resolves anew what the environment decides


@cache
def _composed(overrides: tuple[str, ...]) -> DictConfig:
    return compose([*TINY, *overrides]).config


def store_of(config: Root, folder: Path):
    """The prepared data."""
    return prepare(build_source(config), config.prepare, folder)


def steps(experiment, count: int, *, lr: float = 0.01) -> list[float]:
    """Train for some batches without a trainer; the loss of each."""
    optimizer = torch.optim.Adam(experiment.parameters(), lr=lr)
    experiment.train()
    losses = []
    while len(losses) < count:
        for batch in batches(experiment, epoch=len(losses)):
            loss, _, _ = experiment.learn(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) == count:
                break
    return losses


def batches(experiment, *, epoch: int = 0):
    """The training batches of an epoch."""
    return experiment.epoch_batches(epoch)
