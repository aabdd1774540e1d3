"""The table of kinds, against the typed root, the folders and the primary configuration."""

from dataclasses import fields

import pytest
from helpers import CONFIGS, ROOT
from helpers.commands import composed, told
from omegaconf import OmegaConf

from seqrec.config.cli.command_line import check_command_line
from seqrec.config.cli.help import ELSEWHERE
from seqrec.config.compose import to_values
from seqrec.config.kinds import KINDS, TRAINED, Of
from seqrec.config.schema import Component, Root

BASELINES = sorted(file.stem for file in (CONFIGS / "baseline").glob("*.yaml"))


def test_the_typed_root_has_a_field_for_every_kind_and_null_where_the_table_allows_it():
    declared = {f.name: f.type for f in fields(Root) if f.type in (Component, Component | None)}
    for name in ("update", "compress"):  # of scripts/update.py and compress.py, nobody's choice
        assert declared.pop(name) == Component | None
    nullable = {kind.name for kind in KINDS if kind.optional or kind.of is not Of.EVERY}
    assert set(declared) == {kind.name for kind in KINDS}
    assert {name for name, kind in declared.items() if kind != Component} == nullable


def test_every_folder_of_components_is_a_kind_and_every_kind_is_chosen_by_default():
    files = [file for file in CONFIGS.glob("*/*.yaml") if "_target_:" in file.read_text()]
    others = ("trainer", "experiment", *ELSEWHERE)
    components = {f.parent.name for f in files if f.parent.name not in others}
    assert components == {kind.name for kind in KINDS}
    defaults = OmegaConf.load(CONFIGS / "train.yaml").defaults
    chosen = {str(key) for entry in defaults if not isinstance(entry, str) for key in entry}
    assert {kind.name for kind in KINDS} <= chosen
    assert all((ROOT / "seqrec" / name).is_dir() for name in components - {"optimizer"})


@pytest.mark.slow
@pytest.mark.parametrize("name", BASELINES)
def test_a_baseline_has_nothing_that_is_trained(name):
    for given in ([f"model={name}"], [f"baseline={name}"]):
        config, choices = composed(*given)
        saved = to_values(config)
        assert {group: saved[group] for group in TRAINED} == dict.fromkeys(TRAINED)
        assert {choices[group] for group in TRAINED} == {None}
        assert saved["baseline"]["_target_"].startswith(f"seqrec.baseline.{name}.")
        assert choices["model"] == name
        assert check_command_line(given, config_dir=CONFIGS) == given


def test_what_is_trained_is_refused_beside_a_baseline():
    assert "encoder: a baseline is counted" in told("model=popularity", "encoder=gru")
    assert "context: a baseline is counted" in told("baseline=markov", "context=events")
    refused = told("model=popularity", "encoder.layers=2")
    assert "encoder.layers: model=popularity has no encoder" in refused
    assert "choose encoder" not in refused
