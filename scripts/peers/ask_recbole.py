"""Lists of RecBole, asked for one user at a time; seqrec/benchmark/serving.py runs this.

PYTHONPATH=. .venv-peers/recbole/bin/python scripts/peers/ask_recbole.py < arguments.json
"""

import json
import os
import sys
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, init_seed
from recbole.utils.case_study import full_sort_topk

from seqrec.benchmark.load import histories

NAME = "events"  # of the dataset
HELD_OUT = 2  # events of each user that aren't part of the history that a test asks for


def write_events(folder: Path, sessions: list[list[str]], n_items: int, length: int) -> None:
    """Write the sessions, with users after them who have the whole catalogue between them."""
    catalogue = [f"i{at}" for at in range(1, n_items + 1)]
    others = [catalogue[at : at + length] for at in range(0, n_items, length)]
    (folder / NAME).mkdir()
    with (folder / NAME / f"{NAME}.inter").open("w") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for user, items in enumerate([*sessions, *others]):
            padded = [*items, *["i1"] * HELD_OUT]
            file.writelines(f"u{user}\t{item}\t{at}\n" for at, item in enumerate(padded))


def main(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Ask an untrained GRU4Rec for the lists of users, and say how long each took."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(given["threads"])
    sessions = histories(given["n_items"], given["requests"])
    write_events(folder, sessions, given["n_items"], given["length"])
    os.chdir(folder)  # it leaves logs where it runs
    config = Config(
        model="GRU4Rec",
        dataset=NAME,
        config_dict={
            "embedding_size": given["dim"],
            "hidden_size": given["dim"],
            "num_layers": 1,
            "data_path": str(folder),
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "MAX_ITEM_LIST_LENGTH": given["length"],
            "loss_type": "CE",
            "train_neg_sample_args": None,
            "eval_args": {
                "split": {"LS": "valid_and_test"},
                "group_by": "user",
                "order": "TO",
                "mode": "full",
            },
            "use_gpu": False,
            "show_progress": False,
            "state": "ERROR",
        },
    )
    init_seed(0, False)
    dataset = create_dataset(config)
    train, _, test = data_preparation(config, dataset)
    model = get_model(config["model"])(config, train._dataset).eval()
    users = [f"u{at}" for at in range(len(sessions))]
    number_N = dataset.token2id(dataset.uid_field, users)
    took = []
    for number in [*number_N[: given["warm_up"]], *number_N]:
        begun = time.perf_counter()
        _, item_1K = full_sort_topk(np.array([number]), model, test, k=10, device="cpu")
        dataset.id2token(dataset.iid_field, item_1K.cpu())
        took.append(1000 * (time.perf_counter() - begun))
    p50, p99 = np.percentile(took[given["warm_up"] :], [50, 99])
    return {"p50": float(p50), "p99": float(p99), "requests": len(sessions)}


if __name__ == "__main__":
    with redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as scratch:
        result = main(json.load(sys.stdin), Path(scratch))
    print(json.dumps(result))
