"""What is refused before anything runs, and in which words."""

import sys

import pytest
from helpers import CONFIGS
from helpers.commands import told

from seqrec.commands.compress import Arguments
from seqrec.config.check.combine import conflicts
from seqrec.config.check.components import component_mistakes
from seqrec.config.check.signature import read_signature
from seqrec.config.choose import Choice
from seqrec.config.cli.command_line import check_command_line
from seqrec.config.cli.script import argument_names
from seqrec.errors import ConfigError

TOY = """
from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal["soft", "hard"]


class Base:
    def __init__(self, *, dim: int, rate: float = 0.1): ...


class Heir(Base):
    needs_ratings: ClassVar[bool] = True


@dataclass
class Table:
    has_ratings: ClassVar[bool] = False
    path: str
    kind: Kind = "soft"
    sizes: tuple[int, ...] = (1,)
    limit: int | None = None


class Both:
    causal: ClassVar[bool] = False


class Forward:
    trains: ClassVar[str] = "causal"


class Masked:
    trains: ClassVar[str] = "any"


class Switched:
    causal: bool = True

    def __init__(self, *, causal: bool = True): ...


def build(n_items: int, *, inner: Base, names: list[str]): ...


def anything(**options: int): ...


raise RuntimeError("this module must be read, not imported")
"""


@pytest.fixture(scope="module", autouse=True)
def toy(tmp_path_factory):
    """A module that can be read but not imported, re-exported by its package."""
    package = tmp_path_factory.mktemp("path") / "toy_package"
    package.mkdir()
    (package / "__init__.py").write_text("from .parts import Table as Exported\n")
    (package / "parts.py").write_text(TOY)
    sys.path.insert(0, str(package.parent))
    yield
    sys.path.remove(str(package.parent))


# Signatures, read from text


def test_signatures_are_followed_without_an_import():
    heir = read_signature("toy_package.parts.Heir")
    assert list(heir.parameters) == ["dim", "rate"]
    assert heir.attributes["needs_ratings"] is True
    table = read_signature("toy_package.Exported")
    assert [n for n, p in table.parameters.items() if p.required] == ["path"]
    assert "toy_package" not in sys.modules


def test_signatures_agree_with_the_imported_ones():
    import inspect

    from torch.optim import SGD, AdamW

    for target in (AdamW, SGD):
        read = read_signature(f"torch.optim.{target.__name__}")
        assert list(read.parameters) == list(inspect.signature(target).parameters)


def test_all_mistakes_of_all_components_are_found():
    config = {
        "a": {"_target_": "toy_package.parts.Heir", "dmi": 3, "rate": "fast"},
        "b": {"_target_": "toy_package.Exported", "path": "x", "kind": "sift", "sizes": [1, "2"]},
        "c": {
            "_target_": "toy_package.parts.build",
            "n_items": 4,
            "inner": {"_target_": "toy_package.parts.Base", "dim": True},
            "names": ["x"],
        },
        "d": {"_target_": "toy_package.parts.Hair"},
        "e": {"_target_": "toy_package.parts.anything", "what": "ever"},
    }
    assert list(component_mistakes(config)) == [
        "a.dmi: unknown, did you mean a.dim? (allowed: dim, rate)",
        "a.rate: 'fast' isn't float",
        "a.dim: must be given (+a.dim=...)",
        "b.kind: 'sift' isn't one of soft, hard",
        'b.sizes: [1, "2"] isn\'t tuple[int, ...]',
        "c.n_items: is set when the component is built; leave it out",
        "c.inner.dim: true isn't int",
        "d._target_: toy_package.parts.Hair doesn't exist: toy_package.parts has no 'Hair'",
    ]


def test_values_that_fit_pass():
    table = {"_target_": "toy_package.Exported", "path": "x", "kind": "hard", "sizes": [2, 3]}
    assert not list(component_mistakes({"a": {**table, "limit": None}, "b": [table]}))


def test_what_a_component_lacks_is_refused_by_name():
    config = {
        "loss": {"_target_": "toy_package.parts.Heir"},
        "data": {"_target_": "toy_package.Exported"},
    }
    assert list(conflicts(config)) == [
        "loss=Heir needs ratings, and data=Exported has none; change one of the two"
    ]


def test_an_objective_says_which_encoders_it_trains():
    def found(objective):
        parts = {"encoder": "Both", "objective": objective}
        return list(
            conflicts({k: {"_target_": f"toy_package.parts.{v}"} for k, v in parts.items()})
        )

    assert found("Forward") == [
        "encoder=Both sees the future, and objective=Forward trains causal encoders only; "
        "change one of the two"
    ]
    assert not found("Masked")


@pytest.mark.parametrize("causal", [True, False])
def test_a_switch_of_an_attributes_name_counts(causal):
    encoder = {"_target_": "toy_package.parts.Switched", "causal": causal}
    objective = {"_target_": "toy_package.parts.Forward"}
    assert bool(list(conflicts({"encoder": encoder, "objective": objective}))) is not causal


# The real configuration tree


def test_numbers_that_make_no_sense_are_refused_together():
    text = told("batch.size=0", "max_length=0", "evaluation.ks=[0,10]", "trainer.max_epochs=2",
                "trainer.validate_every=5", "seed=-1", "dropout=1.0")  # fmt: skip
    for path in ("batch.size=0", "max_length=0", "evaluation.ks", "validate_every=5", "seed=-1"):
        assert path in text
    assert "dropout=1.0" in text


def test_what_components_say_of_their_ranges_is_refused_before_any_work():
    text = told("window=sliding", "window.stride=60", "max_length=50", "split=temporal",
                "split.test_from=2024-13-01")  # fmt: skip
    assert "window.stride=60: must be from 1 to max_length=50" in text
    assert "split.test_from: " in text
    assert "window.stride=0: must be from 1" in told("window=sliding", "window.stride=0")
    given = ["window=sliding", "window.stride=50", "max_length=50"]
    assert check_command_line(given, config_dir=CONFIGS) == given


def test_a_split_of_ones_own_that_cuts_in_time_is_held_to_the_rule_of_leaks(tmp_path, monkeypatch):
    (tmp_path / "own_split.py").write_text("class Weekly:\n    cuts_time = True\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = {"split": {"_target_": "own_split.Weekly"}, "prepare": {"repeats": "last"}}
    assert any("split=weekly must not see" in each for each in conflicts(config))


def test_a_split_by_time_refuses_preparation_that_knows_the_end():
    text = told("split=temporal", "prepare.repeats=last", "prepare.max_history=10")
    assert "prepare.repeats=last removes earlier events" in text and "max_history" in text


def test_all_mistakes_of_a_command_line_are_told_together():
    text = told(
        "encoder=lsmt",
        "trainer.max_epoch=3",
        "head.hiden=3",
        "dim=abc",
        "optimizer.lr=fast",
        "+trainer.colour=red",
        "patience=3",
        "what",
        "seed=1,2",
    )
    for line in (
        "encoder=lsmt: unknown, did you mean encoder=lstm? (choices: difference, filter, gru,",
        "trainer.max_epoch: unknown, did you mean trainer.max_epochs? (allowed by trainer=auto:",
        "head.hiden: unknown, did you mean head.hidden? (allowed by head=additive: concat, dim,",
        "dim: Value 'abc' of type 'str' could not be converted to Integer",
        "optimizer.lr: 'fast' isn't float\n",
        "trainer.colour: unknown",
        "patience: unknown, did you mean trainer.patience?",
        "what: can't be read",
        "seed=1,2: several values need -m",
    ):
        assert f"\n  {line}" in text
    assert text.startswith("The configuration has 9 mistakes:")


def test_a_parameter_outside_the_file_of_a_component_can_be_added():
    assert "write +optimizer.eps=..." in told("optimizer.eps=1e-6")
    assert check_command_line(["+optimizer.eps=1e-6"], config_dir=CONFIGS)


def test_every_value_of_a_sweep_is_tried():
    sweep = ["-m", "seed=1,2,x", "encoder=gru,lstn", "head.hidden=choice(8,many)", "dim=range(1,4)"]
    text = told(*sweep)
    assert "encoder=lstn: unknown" in text and "seed: Value 'x'" in text
    assert "head.hidden: 'many' isn't int | None" in text
    assert text.startswith("The configuration has 3 mistakes:")


def test_impossible_combinations_are_refused_by_name():
    assert "loss=BPR needs negatives" in told("loss=bpr", "negatives=none")
    assert "evaluation.monitor=ndcg@7 isn't computed" in told("evaluation.monitor=ndcg@7")
    assert check_command_line(["loss=cross_entropy", "negatives=none"], config_dir=CONFIGS)


def test_keys_that_only_the_jobs_of_a_sweep_have_are_left_to_them():
    given = ["-m", "objective=group,worst_group", "objective.by=gender", "seed=1,2", "dim=32"]
    made = check_command_line(given, config_dir=CONFIGS)
    assert made == ["-m", given[1], "objective.by=choice(gender)", "seed=1,2", "dim=32"]
    lists = ["-m", "model=sasrec,transformer_attn", "encoder.heads=2", "metric=[ndcg]"]
    assert check_command_line(lists, config_dir=CONFIGS)[2] == "encoder.heads=choice(2)"
    one = ["-m", "model=sasrec", "encoder.heads=1,2", "encoder.layers=1"]
    assert check_command_line(one, config_dir=CONFIGS) == one  # the sweep has them, too


def test_a_key_of_a_choice_may_be_a_mistyped_argument_of_the_command():
    ways = Choice("compress", key="compress", several="ways")
    with pytest.raises(ConfigError, match="did you mean compress"):
        ways.settings_of(["prune"], {"compres": "prune"}, beside=argument_names(Arguments))
    with pytest.raises(ConfigError) as told_of:
        ways.settings_of(["prune"], {"shar": "0.5"}, beside=argument_names(Arguments))
    assert "did you mean share" in str(told_of.value) and "options" not in str(told_of.value)


def test_shards_that_can_not_be_had_are_refused_before_any_data_is_read():
    own = "batch.shuffle=shards"
    assert "needs data in shards; set prepare.shards" in told(own)
    assert "prepare.shards=0: must be at least 1" in told(own, "prepare.shards=0")
    assert "has the shards it was written in" in told(
        *(own, "data=store", "data.path=somewhere", "prepare.shards=2")
    )
    for given in ([own, "prepare.shards=2"], [own, "data=store", "data.path=x", "split=given"]):
        assert check_command_line(given, config_dir=CONFIGS) == given
