"""The notebook runs from top to bottom; what it trains with does what train.py does."""

import nbformat
import pytest
from helpers import ROOT
from helpers.finished import COMMANDS
from helpers.pages import copy_project
from helpers.place import SMALL, ranked
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from seqrec.errors import ConfigError
from seqrec.experiment.python import train
from seqrec.run.folder import RunFolder

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"
BUDGET = ("trainer.max_epochs=2", "logger=none")


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_kept_without_outputs(notebook):
    for cell in notebook.cells:
        assert not cell.get("outputs") and not cell.get("execution_count")


@pytest.mark.slow
def test_every_cell_runs(notebook, tmp_path, monkeypatch):
    """A cell behind the one tagged ``parameters`` sets others, as papermill does it."""
    [at] = [n for n, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", ())]
    notebook.cells.insert(at + 1, new_code_cell(f"data, budget = {SMALL}, {BUDGET}"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    docs = copy_project(tmp_path) / "docs"
    docs.mkdir()
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": docs}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    kinds = [kind for output in shown for kind in output.get("data", ())]
    assert kinds.count("application/vnd.plotly.v1+json") == 2
    assert "reference" in shown[-1].data["text/plain"]
    assert len(list(tmp_path.glob("outputs/synthetic/lstm_*/*/metrics.json"))) == 2


@pytest.mark.slow
def test_training_from_python_is_the_run_of_the_command(tmp_path, finished):
    there = finished("default").run
    here = train(*COMMANDS["default"], "logger=none", f"paths.output_dir={tmp_path}").path
    assert RunFolder(here).about()["fingerprint"] == RunFolder(there).about()["fingerprint"]
    assert ranked(here) == ranked(there)


def test_training_from_python_refuses_in_the_words_of_the_command():
    with pytest.raises(ConfigError, match="did you mean encoder=lstm"):
        train("encoder=lsmt")
    with pytest.raises(ConfigError, match="several values need -m"):
        train("seed=1,2")
    with pytest.raises(ConfigError, match="-m is a flag of train"):
        train("-m", "seed=1,2")
