"""The winner of a study as a recipe: also of one's own files, in any folder."""

from pathlib import Path

import pytest

from seqrec.config.cli.elsewhere import searched
from seqrec.config.compose import to_values
from seqrec.config.meaning import values_of
from seqrec.experiment.python import composed
from seqrec.tune.recipe import beside_recipe, searching, write_recipe


def results(*overrides: str) -> dict:
    return values_of(to_values(composed(list(overrides)).config))


def written(folder: Path, *given: str) -> list[str]:
    """Write a recipe for some overrides; return what is typed to use it."""
    folder.mkdir()
    write_recipe(folder, "best", given, compose=composed, head=["a trial"])
    return [searching(folder, given), "experiment=best", *beside_recipe(given)]


@pytest.mark.slow
def test_a_recipe_of_own_files_leaves_the_files_to_the_command(tmp_path):
    given = ("data=files", "data.path=my.csv", "model=gru4rec", "optimizer.lr=0.01", "tags=[a]")
    typed = written(tmp_path / "it's, a (folder)", *given)
    assert typed[1:] == ["experiment=best", "data.path=my.csv", "tags=[a]"]
    assert searched(typed) == [f"file://{tmp_path}/it's, a (folder)"]
    assert results(*typed) == results(*given)
    recipe = (tmp_path / "it's, a (folder)/experiment/best.yaml").read_text()
    assert "override /data: files" in recipe and "my.csv" not in recipe


@pytest.mark.slow
def test_a_recipe_over_another_recipe_has_its_settings(tmp_path):
    given = ("experiment=ml1m_sasrec", "data.path=a.txt", "optimizer.lr=0.01")
    typed = written(tmp_path / "study", *given)
    assert typed[1:] == ["experiment=best", "data.path=a.txt"] and results(*typed) == results(
        *given
    )
