"""What a command line composes to, and which of several values wins."""

import re
import sys

import pytest
from helpers import CONFIGS, ROOT
from helpers.commands import composed, told
from omegaconf import OmegaConf

from seqrec.config.check.components import component_mistakes
from seqrec.config.cli.command_line import check_command_line
from seqrec.config.compose import compose, to_values


@pytest.mark.slow
def test_every_dataset_and_model_composes_without_a_mistake():
    sweep = [
        "-m",
        "model=glob(*,exclude=[ensemble])",
        "data=glob(*,exclude=[files,sequences,store])",
    ]
    assert check_command_line(sweep, config_dir=CONFIGS) == sweep
    own = ["-m", "data=files,sequences,store", "data.path=somewhere"]
    assert check_command_line(own, config_dir=CONFIGS) == [*own[:2], "data.path=choice(somewhere)"]


@pytest.mark.slow
def test_every_recipe_composes_and_says_how_it_is_run_and_what_it_reaches():
    recipes = sorted((CONFIGS / "experiment").glob("*.yaml"))
    assert recipes
    for recipe in recipes:
        head, _, chosen = recipe.read_text().partition("defaults:")
        path = ["data.path=somewhere"] if "/data: sequences" in chosen else []
        given = [f"experiment={recipe.stem}", *path]
        assert check_command_line(given, config_dir=CONFIGS) == given
        assert f"python train.py -m experiment={recipe.stem} " in head
        assert re.search(r"NDCG@10 0\.\d{4} ± 0\.\d{4}", head), f"{recipe.stem}: no figure"


def test_every_component_fits_its_signature():
    root = to_values(composed()[0])
    files = [f for f in CONFIGS.glob("*/*.yaml") if "_global_" not in f.read_text()]
    assert len(files) > 20
    for file in files:
        node = OmegaConf.create({**root, file.parent.name: OmegaConf.load(file)})
        assert not list(component_mistakes(to_values(node))), file.relative_to(ROOT)


def test_the_command_line_wins_over_the_model_and_the_model_over_the_dataset():
    config, choices = composed("model=sasrec", "encoder=gru", "head=multihead", "data=synthetic")
    assert (choices["encoder"], choices["head"]) == ("gru", "multihead")
    assert config.encoder._target_.endswith("GRU")
    assert config.evaluation.mask_seen is False  # what the dataset says, no model contradicts


@pytest.mark.slow
def test_later_layers_win_whatever_the_order_on_the_command_line(tmp_path):
    for kind, dim in (("data", 1), ("model", 2), ("experiment", 3)):
        (tmp_path / kind).mkdir()
        text = f"# @package _global_\ndim: {dim}\n{kind}_was_here: true\n"
        if kind != "data":
            loss = {"model": "bpr", "experiment": "bce"}[kind]
            text += f"defaults:\n  - override /loss: {loss}\n"
        (tmp_path / kind / "toy.yaml").write_text(text.replace(f"{kind}_was_here: true\n", ""))
    search = f"hydra.searchpath=[file://{tmp_path}]"
    choose = ["experiment=toy", "model=toy", search]
    assert composed(*choose)[0].dim == 3
    assert composed(*choose)[1]["loss"] == "bce"
    assert composed("model=toy", search)[1]["loss"] == "bpr"
    assert composed(*choose, "loss=mse", "dim=4")[1]["loss"] == "mse"
    assert composed(*choose, "loss=mse", "dim=4")[0].dim == 4


def test_sizes_of_a_replaced_component_are_dropped_and_typos_are_not():
    given = ["model=sasrec", "encoder=lstm"]
    assert "positions" in composed(given[0])[0].encoder  # from its file, for its transformer
    config, _ = composed(*given)
    assert set(config.encoder) == {"_target_", "dim", "hidden", "layers", "dropout"}
    assert check_command_line(given, config_dir=CONFIGS) == given
    assert "encoder.positions: unknown" in told(*given, "encoder.positions=end")


def test_the_shown_configuration_is_the_one_that_runs(capsys):
    with pytest.raises(SystemExit):
        check_command_line(["model=sasrec", "encoder=lstm", "--cfg", "job"], config_dir=CONFIGS)
    shown = OmegaConf.create(capsys.readouterr().out)
    assert set(shown.encoder) == {"_target_", "dim", "hidden", "layers", "dropout"}
    assert shown.encoder.dim == shown.dim


def test_a_replaced_optimizer_has_its_own_learning_rate_unless_one_is_given():
    for extra, rate in ((), 0.1), (("optimizer.lr=0.5",), 0.5):
        given = ["model=lstm_attn", "optimizer=sgd", *extra]
        assert composed(*given)[0].optimizer.lr == rate
    assert composed("model=lstm_attn")[0].optimizer.lr == 3e-3


@pytest.mark.slow
def test_components_from_elsewhere_are_chosen_checked_and_settled(tmp_path, monkeypatch):
    (tmp_path / "encoder").mkdir()
    file = tmp_path / "encoder" / "mine.yaml"
    file.write_text("_target_: seqrec.encoder.gru.GRU\ndim: ${dim}\n")
    given = [f"hydra.searchpath=[file://{tmp_path}]", "model=sasrec", "encoder=mine"]
    assert check_command_line(given, config_dir=CONFIGS) == given  # without SASRec's positions
    assert "encoder=mime: unknown, did you mean encoder=mine?" in told(*given[:2], "encoder=mime")
    assert "encoder=mine: unknown" in told("encoder=mine")
    monkeypatch.chdir(tmp_path.parent)
    relative = [f"hydra.searchpath=[file://{tmp_path.name}]", "encoder=mine"]
    assert check_command_line(relative, config_dir=CONFIGS) == relative


@pytest.mark.parametrize("value", ["foo", "[foo]", "[file://foo]", "[foo", "3"])
def test_a_search_path_that_leads_nowhere_is_refused(value):
    assert "hydra.searchpath: " in told(f"hydra.searchpath={value}")


def test_spaces_of_studies_are_no_group_of_a_run():
    assert "did you mean model?" in told("modle=sasrec") and "tune" not in told("modle=sasrec")


@pytest.mark.slow
def test_every_preset_for_debugging_composes_and_is_shown_by_help(capsys):
    presets = sorted(file.stem for file in (CONFIGS / "debug").glob("*.yaml"))
    assert presets == ["fast", "overfit", "profile"]
    for preset in presets:
        for model in ("sasrec", "ncf", "popularity"):
            given = [f"debug={preset}", f"model={model}"]
            assert check_command_line(given, config_dir=CONFIGS) == given
            assert composed(*given)[1]["logger"] == "none"
    with pytest.raises(SystemExit):
        check_command_line(["--help"], config_dir=CONFIGS)
    assert "fast, overfit, profile" in capsys.readouterr().out


def test_a_preset_wins_over_an_experiment_and_the_command_line_over_both():
    given = ["experiment=ml1m_sasrec", "debug=overfit"]
    config, _ = composed(*given, "trainer.max_epochs=7", "logger=csv")
    assert (config.batch.size, config.trainer.max_epochs) == (4, 7)
    assert config.logger._target_.endswith("CSV") and "none" in config.scheduler._target_


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["experiment", "local", "data", "model"])
def test_places_are_those_that_any_file_of_a_group_sets(kind, tmp_path, monkeypatch):
    monkeypatch.delenv("SEQREC_LOCAL")
    (tmp_path / kind).mkdir()
    name = "default" if kind == "local" else "toy"
    text = f"# @package _global_\npaths:\n  output_dir: there/{kind}\n"
    (tmp_path / kind / f"{name}.yaml").write_text(text)
    given = [f"hydra.searchpath=[file://{tmp_path}]"]
    given += [] if kind == "local" else [f"{kind}=toy"]
    assert str(compose(given).run_dir).startswith(f"there/{kind}/")
    assert str(compose([*given, "paths.output_dir=here"]).run_dir).startswith("here/")


def test_personal_settings_hold_where_no_experiment_says_otherwise(tmp_path, monkeypatch):
    monkeypatch.delenv("SEQREC_LOCAL")
    said = {"local/default": "{max_epochs: 3, patience: 2}", "experiment/toy": "{max_epochs: 5}"}
    for name, trainer in said.items():
        file = tmp_path / f"{name}.yaml"
        file.parent.mkdir()
        file.write_text(f"# @package _global_\ntrainer: {trainer}\n")
    given = [f"hydra.searchpath=[file://{tmp_path}]"]
    assert composed(*given)[0].trainer.max_epochs == 3
    assert "local" not in composed(*given)[1]
    trainer = composed(*given, "experiment=toy")[0].trainer
    assert (trainer.max_epochs, trainer.patience) == (5, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other places")
def test_the_cache_is_where_the_system_keeps_caches_unless_a_variable_says_otherwise(monkeypatch):
    monkeypatch.setenv("SEQREC_CACHE_DIR", "/elsewhere")
    assert composed()[0].paths.raw_dir == "/elsewhere/raw"
    monkeypatch.delenv("SEQREC_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    assert composed()[0].paths.cache_dir == "/home/someone/.cache/seqrec/stores"


def test_a_component_inside_a_chosen_one_keeps_what_the_command_line_sets():
    typed = ["augment=compose", "augment.of.crop.keep=0.5", "+augment@augment.of.third=insert"]
    of = to_values(compose([*typed, "~augment.of.mask", "max_length=7"]).config)["augment"]["of"]
    assert list(of) == ["crop", "third"] and of["crop"]["keep"] == 0.5
    assert of["third"]["max_length"] == 7
