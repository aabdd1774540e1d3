"""What a study's storage and its page make of texts that are up to no good."""

from pathlib import Path

import optuna
import pytest

from seqrec.errors import RunError
from seqrec.tune.page import write_study
from seqrec.tune.space import Range, Space
from seqrec.tune.study import Search, open_study

EVIL = "</script><script>alert(1)</script>"


def search(folder: Path, varied: dict, *, name: str = "s") -> Search:
    return Search(
        name=name,
        folder=folder,
        compose=lambda overrides: None,
        space=Space(name, varied),
        monitor="valid/ndcg@10",
        larger_is_better=True,
        also=None,
        pruner="none",
        storage=None,
        seed=0,
        agreed={},
    )


def test_texts_are_no_script_in_the_page(tmp_path):
    wanted = search(tmp_path, {"tags": [EVIL, "b"], "dim": Range(1, 4)}, name=EVIL)
    study = optuna.create_study(direction="maximize", study_name=EVIL)
    for _ in range(3):
        trial = study.ask()
        trial.set_user_attr("values", wanted.space.suggest(trial))
        study.tell(trial, 0.1 * trial.number)
    write_study(tmp_path / "study.html", study, wanted)
    assert "<script>alert" not in (tmp_path / "study.html").read_text()


@pytest.mark.parametrize(
    "values", [{"head._target_": "os.makedirs"}, {"dim": "os.makedirs"}, {"dim": 4, "seed": 1}]
)
def test_a_storage_with_values_of_another_space_is_refused(tmp_path, values):
    wanted = search(tmp_path, {"dim": Range(1, 4)})
    open_study(wanted).ask().set_user_attr("values", values)
    with pytest.raises(RunError, match="trial 0 has values that aren't in the space s"):
        open_study(wanted)
