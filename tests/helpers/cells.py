"""Every model that can be composed, exported and compared: a bundle's graph against the module.

``PYTHONPATH=.:tests python tests/helpers/cells.py`` tries each encoder with each head and scorer,
and with events, features and users: some 140 cells of some seconds each. With words behind it,
those that have all the words. A test samples them.
"""

import multiprocessing
import sys
import tempfile
import traceback
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import nn
from torch.onnx._internal.exporter._registration import ONNXRegistry

from helpers.components import names
from helpers.experiments import root
from seqrec.build import build_model
from seqrec.bundle.model import Onnx
from seqrec.export.graph import Graph, exportable
from seqrec.export.onnx import write_onnx
from seqrec.export.tables import write_vectors
from seqrec.facts import EventFacts, Facts
from seqrec.layers.times import HOUR

ITEMS, USERS, MOST = 90, 12, 50
SHAPES = ((1, 1), (1, 2), (2, 7), (17, 50), (64, 13), (1, 49))
EVENTS = {
    "device": EventFacts(categories=["phone", "tablet"]),
    "dwell": EventFacts(mean=1.0, std=2.0),
    "timestamp": EventFacts(),
}
SCORERS = ("scorer=tied", "scorer=cosine", "scorer=mlp")
EXTRAS = (
    ("context=events", "context.target_time=true"),
    ("embedding=features", "embedding.join=gate"),
    ("embedding=features", "embedding.join=concat", "context=events"),
    ("embedding=codes", "embedding.size=8"),
    ("embedding=user",),
    ("embedding=friends",),
    ("context=events", "context.columns=[user,device]"),
)
BLOCKS = (("encoder.block=sasrec",), ("encoder.positions=end",), ("encoder.layers=1",))
TIMES = (
    ("encoder=hstu", "encoder.time=request"),
    ("encoder=transformer", "encoder.time=events", "encoder.positions=relative"),
    ("encoder=filter", "encoder.taps=learned"),
)
MASKED = ("encoder.causal=false", "objective=masked_item")


def cells() -> list[tuple[str, ...]]:
    """The overrides of every cell; the first ones have each pair of two kinds."""
    encoders = [f"encoder={name}" for name in names("encoder")]
    heads = [f"head={name}" for name in names("head")]
    turns = list(enumerate(product(encoders, heads)))
    first, *rest = ([(*two, SCORERS[(at + by) % 3]) for at, two in turns] for by in range(3))
    extras = [
        (e, "head=additive", s, *x) for e, x in product(encoders, EXTRAS) for s in SCORERS[:2]
    ]
    blocks = [("encoder=transformer", h, *b) for h, b in product(heads[:5], (*BLOCKS, MASKED))]
    times = [(e, "head=last", *options) for e, *options in TIMES]
    return [*first, *extras[::2], *blocks, *times, *extras[1::2], *rest[0], *rest[1]]


def compare(cell: tuple[str, ...], folder: Path) -> float:
    """Export a cell with random weights; the largest difference of any output."""
    torch.manual_seed(0)
    kinds = pl.Series("kind", [f"k{n % 3}" for n in range(ITEMS)])
    names = [f"u{n}" for n in range(USERS)]
    people = pl.DataFrame({"index": range(USERS), "user": names, "friends": [names[:2]] * USERS})
    table = pl.DataFrame({"index": np.arange(1, ITEMS + 1), "item": kinds, "title": kinds})
    facts = Facts(
        n_items=ITEMS,
        n_users=USERS,
        items=lambda: table.with_columns(kinds),
        item_count_V=torch.arange(ITEMS + 1),
        own_items=lambda: torch.arange(1, USERS * (ITEMS + 1), ITEMS + 2),  # each user has another
        users=lambda: people,
        events=EVENTS,
    )
    config = root(*cell, f"max_length={MOST}", "dim=16")
    model = exportable(build_model(config, facts).eval())
    for name, value in model.named_parameters():
        if value.requires_grad and not name.endswith("weight_VD"):
            nn.init.normal_(value, std=0.3)
    graph = Graph(model).eval()
    write_vectors(model.catalogue(), folder)
    write_onnx(graph, EVENTS, folder)
    run = Onnx(folder / "model.onnx", dim=16)
    worst = 0.0
    for shape in SHAPES:
        given = arguments(*shape, model.wanted)
        with torch.no_grad():
            wanted = Graph(model)(*given)
        flat = (*given[:4], *given[4])
        inputs = {n: v.numpy() for n, v in zip(graph.names, flat, strict=True)}
        for own, other in zip(run(inputs), wanted, strict=True):
            assert own.shape == other.shape, (own.shape, other.shape)
            worst = max(worst, float(np.abs(own - other.numpy()).max() / max(1, other.abs().max())))
    return worst


def arguments(rows: int, width: int, wanted: tuple[str, ...]):
    """Random histories of different lengths, with unknown values, as a graph takes them."""
    length_B = torch.randint(1, width + 1, (rows,))
    length_B[0] = width
    valid_BL = torch.arange(width) < length_B[:, None]
    # times at the edges of hours, and a millisecond before
    hours_BL = 280_000 + torch.randint(0, 30, (rows, width)).cumsum(1)
    events = {
        "device": torch.randint(0, 3, (rows, width)),
        "dwell": torch.randn(rows, width).masked_fill(torch.rand(rows, width) < 0.3, torch.nan),
        "timestamp": hours_BL * HOUR - torch.randint(0, 2, (rows, width)),
    }
    return (
        torch.randint(0, ITEMS + 1, (rows, width)) * valid_BL,
        length_B,
        torch.randint(-1, USERS, (rows,)),
        torch.full((rows,), 2 * 10**12),
        tuple(events[name] for name in wanted),
    )


def _tried(cell: tuple[str, ...], pipe) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            pipe.send(f"{compare(cell, Path(folder)):.1e}")
        except Exception as error:
            traceback.print_exc()
            pipe.send(f"{type(error).__name__}: {str(error)[:200]}")


def main() -> None:
    """Try the cells, each in a process of its own: some captures fail after others."""
    ONNXRegistry.from_torchlib()  # which imports for seconds, once for all forks
    forks, failed = multiprocessing.get_context("fork"), 0
    chosen = [cell for cell in cells() if all(part in " ".join(cell) for part in sys.argv[1:])]
    for cell in chosen:
        pipe, end = forks.Pipe(duplex=False)
        process = forks.Process(target=_tried, args=(cell, end))
        process.start()
        end.close()
        try:
            found = pipe.recv()
        except EOFError:
            found = "killed"
        process.join()
        bad = not found[0].isdigit() or float(found) > 1e-5
        failed += bad
        print("FAILED" if bad else "ok", found, *cell, flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} cells agree")


if __name__ == "__main__":
    main()
