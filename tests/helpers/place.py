"""Whole programs, as a user runs them, in a place of their own."""

import json
import os
import shutil
import sys
from pathlib import Path

from helpers import ROOT
from helpers.apart import Apart
from helpers.programs import run_here

SMALL = ("data=synthetic", "data.n_users=200", "data.n_items=40", "data.length=14", "dim=16")
QUICK = (*SMALL, "trainer=cpu", "trainer.patience=0", "batch.size=32", "evaluation.monitor=ndcg@5")


class Place:
    """A folder of its own for caches and runs, and programs that work in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.outputs = folder / "outputs"
        hidden = {"WANDB_API_KEY", "WANDB_MODE"}
        self.env = {k: v for k, v in os.environ.items() if k not in hidden} | {
            "SEQREC_CACHE_DIR": str(folder / "cache"),
            "NETRC": str(folder / "netrc"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "120",
        }

    def command(self, program: str, *arguments: str) -> list[str]:
        """What is typed to start a program."""
        return [sys.executable, str(ROOT / program), *self._given(program, arguments)]

    def run(self, program: str, *arguments: str, status: int = 0) -> str:
        """Run a program to its end in this process; return what it printed."""
        ended, said = run_here(ROOT / program, self._given(program, arguments), self.env)
        assert ended == status, said
        return said

    def run_apart(self, program: str, *arguments: str, status: int = 0) -> str:
        """Run a program to its end in a process of its own; return what it printed."""
        ended, said = self.start(program, *arguments).end()
        assert ended == status, said
        return said

    def start(self, program: str, *arguments: str) -> Apart:
        """Start a program in a process of its own."""
        return Apart([str(ROOT / program), *self._given(program, arguments)], self.env)

    def runs(self) -> list[Path]:
        """Folders of complete runs, oldest first."""
        found = [path.parent for path in self.outputs.glob("**/metrics.json")]
        return sorted(found, key=lambda path: (path / "metrics.json").stat().st_mtime)

    def copy(self, run: Path) -> Path:
        """A run of another place as if it had been trained here."""
        return shutil.copytree(run, self.outputs / run.parent.name / run.name)

    def _given(self, program: str, arguments: tuple[str, ...]) -> list[str]:
        where = [f"paths.output_dir={self.outputs}"] if program == "train.py" else []
        return [*arguments, *where]


def metrics(run: Path) -> dict:
    return json.loads((run / "metrics.json").read_text())


def ranked(run: Path) -> dict:
    """The metrics that say what the model does."""
    return {k: v for k, v in metrics(run).items() if k.startswith(("test/", "valid/", "epochs"))}


def curve(run: Path) -> list[dict]:
    """The epochs of ``history.jsonl``, without what the clock says."""
    rows = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
