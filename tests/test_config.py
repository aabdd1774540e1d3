"""The command line: what composes, what is refused, and in which words."""

import json
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from omegaconf import OmegaConf

from seqrec.config.check import component_mistakes
from seqrec.config.combine import conflicts
from seqrec.config.command_line import check_command_line
from seqrec.config.compose import Composer, plain, settle
from seqrec.config.schema import register
from seqrec.config.script import parse
from seqrec.config.signature import read_signature
from seqrec.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"
HEAVY = ("torch", "pytorch_lightning", "wandb", "polars", "numpy")

TOY = """
from dataclasses import dataclass
from typing import ClassVar, Literal

Kind = Literal["soft", "hard"]


class Base:
    def __init__(self, *, dim: int, rate: float = 0.1) -> None: ...


class Heir(Base):
    needs_ratings: ClassVar[bool] = True


@dataclass
class Table:
    has_ratings: ClassVar[bool] = False
    path: str
    kind: Kind = "soft"
    sizes: tuple[int, ...] = (1,)
    limit: int | None = None


def build(n_items: int, *, inner: Base, names: list[str]) -> None: ...


def anything(**options: int) -> None: ...


raise RuntimeError("this module must be read, not imported")
"""


@pytest.fixture(autouse=True)
def _schema():
    register()


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


def composed(*overrides: str):
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        return Composer("train").compose(overrides)


def told(*arguments: str) -> str:
    with pytest.raises(ConfigError) as refused:
        check_command_line(list(arguments), config_dir=CONFIGS)
    return str(refused.value)


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
        "c.n_items: is known when the component is built, it can't be set",
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


# The real configuration tree


def test_every_dataset_and_model_composes_without_a_mistake():
    sweep = ["-m", "model=glob(*)", "data=glob(*,exclude=[files,sequences])"]
    assert check_command_line(sweep, config_dir=CONFIGS) == sweep
    own = ["-m", "data=files,sequences", "data.path=somewhere"]
    assert check_command_line(own, config_dir=CONFIGS) == own


def test_every_component_fits_its_signature():
    root = plain(composed()[0])
    files = [f for f in CONFIGS.glob("*/*.yaml") if "_global_" not in f.read_text()]
    assert len(files) > 20
    for file in files:
        node = OmegaConf.create({**root, "node": OmegaConf.load(file)})
        assert not list(component_mistakes(plain(node))), file.relative_to(ROOT)


def test_the_command_line_wins_over_the_model_and_the_model_over_the_dataset():
    config, choices = composed("model=sasrec", "encoder=gru", "head=multihead", "data=synthetic")
    assert (choices["encoder"], choices["head"]) == ("gru", "multihead")
    assert config.encoder._target_.endswith("GRU")
    assert config.evaluation.mask_seen is False  # what the dataset says, no model contradicts


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


def test_sizes_of_a_replaced_component_are_dropped_and_typos_are_not(tmp_path):
    given = ["model=sasrec", "encoder=lstm"]
    config, choices = composed(*given)
    assert "positions" in config.encoder  # from the model's file, for its transformer
    settle(config, choices=choices, overrides=given, config_dir=CONFIGS)
    assert set(config.encoder) == {"_target_", "dim", "hidden", "layers", "dropout"}
    assert check_command_line(given, config_dir=CONFIGS) == given
    assert "encoder.positions: unknown" in told(*given, "encoder.positions=end")


def test_numbers_that_make_no_sense_are_refused_together():
    text = told("batch.size=0", "max_length=0", "evaluation.ks=[0,10]", "trainer.max_epochs=2",
                "trainer.validate_every=5", "seed=-1", "dropout=1.0")  # fmt: skip
    for path in ("batch.size=0", "max_length=0", "evaluation.ks", "validate_every=5", "seed=-1"):
        assert path in text
    assert "dropout=1.0" in text


def test_a_split_by_time_refuses_preparation_that_knows_the_end():
    text = told("split=temporal", "prepare.repeats=last", "prepare.max_history=10")
    assert "prepare.repeats=last removes earlier events" in text and "max_history" in text


def test_the_shown_configuration_is_the_one_that_runs(capsys):
    with pytest.raises(SystemExit):
        check_command_line(["model=sasrec", "encoder=lstm", "--cfg", "job"], config_dir=CONFIGS)
    shown = OmegaConf.create(capsys.readouterr().out)
    assert set(shown.encoder) == {"_target_", "dim", "hidden", "layers", "dropout"}
    assert shown.encoder.dim == shown.dim


def test_a_replaced_optimizer_has_its_own_learning_rate_unless_one_is_given():
    for extra, rate in ((), 0.1), (("optimizer.lr=0.5",), 0.5):
        given = ["model=lstm_attn", "optimizer=sgd", *extra]
        config, choices = composed(*given)
        settle(config, choices=choices, overrides=given, config_dir=CONFIGS)
        assert config.optimizer.lr == rate
    assert composed("model=lstm_attn")[0].optimizer.lr == 3e-3


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
        "encoder=lsmt: unknown, did you mean encoder=lstm? (choices: gru, identity, lstm,",
        "trainer.max_epoch: unknown, did you mean trainer.max_epochs? (allowed by trainer=auto:",
        "head.hiden: unknown, did you mean head.hidden? (allowed by head=additive: concat, dim,",
        "dim: Value 'abc' of type 'str' could not be converted to Integer",
        "optimizer.lr: 'fast' isn't float | Tensor",
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


def test_the_program_answers_at_once_and_without_a_traceback():
    names = ", ".join(repr(name) for name in HEAVY)
    code = f"""
        import runpy, sys
        sys.argv = ["train.py", *sys.argv[1:]]
        try:
            runpy.run_path("train.py", run_name="__main__")
        finally:
            print([name for name in ({names}) if name in sys.modules], file=sys.stderr)
    """
    for argument, status in (("--help", 0), ("encoder=lsmt", 2)):
        command = [sys.executable, "-c", textwrap.dedent(code), argument]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == status
        assert done.stderr.splitlines()[-1] == "[]"
        assert "Traceback" not in done.stderr
        if status == 0:
            assert "model=lstm_attn data=amazon" in done.stdout
            assert "$" not in done.stdout


# The program, with a run that does nothing but end in a certain way


def run_program(tmp_path, *arguments: str) -> subprocess.CompletedProcess:
    code = """
        import runpy, sys, types
        from seqrec.errors import DataError

        def run(config, run_dir, *, choices, overrides):
            assert choices["data"] == "synthetic" and run_dir.is_dir()
            if config.seed == 2:
                raise DataError("a file is missing", where="there", todo="look")
            if config.seed == 3:
                raise KeyError("a mistake in the code")
            if config.seed == 4:
                raise KeyboardInterrupt
            (run_dir / "ran").touch()
            return {"valid/ndcg@10": 0.5}

        stub = types.ModuleType("seqrec.experiment.run")
        stub.run = run
        sys.modules["seqrec.experiment.run"] = stub
        sys.argv = ["train.py", *sys.argv[1:]]
        runpy.run_path("train.py", run_name="__main__")
    """
    given = ["data=synthetic", f"paths.output_dir={tmp_path / 'out'}", *arguments]
    command = [sys.executable, "-c", textwrap.dedent(code), *given]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_failing_job_is_recorded_and_the_others_go_on(tmp_path):
    done = run_program(tmp_path, "-m", "seed=1,2,3,5", "tags=[a/b]")
    assert done.returncode == 1
    jobs = sorted((tmp_path / "out" / "synthetic" / "sweeps").glob("*/[0-9]*"))
    assert [job.name for job in jobs] == [
        f"{number}_data-synthetic_seed-{seed}" for number, seed in enumerate((1, 2, 3, 5))
    ]
    assert [(job / "ran").exists() for job in jobs] == [True, False, False, True]
    assert (jobs[1] / "error.txt").read_text().startswith("a file is missing\n  where: there")
    assert "Traceback" in (jobs[2] / "error.txt").read_text()


def test_a_failing_run_is_told_without_a_traceback(tmp_path):
    done = run_program(tmp_path, "seed=2")
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["a file is missing", "  where: there", "  to do: look"]


def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    done = run_program(tmp_path, "seed=4", "tags=[a b]")
    assert done.returncode == 130
    (line,) = done.stderr.splitlines()
    assert line.startswith("stopped; go on with: python train.py data=synthetic")
    assert line.endswith("seed=4 'tags=[a b]' resume=auto")


# Resuming


@pytest.fixture
def runs(tmp_path):
    """Three runs of one configuration: finished, unfinished, and unfinished but another."""
    config, choices = composed(f"paths.output_dir={tmp_path}")
    folder = tmp_path / choices["data"] / choices["model"]
    for name, changes in (("a", {}), ("b", {}), ("c", {"max_length": 7})):
        (folder / name / "checkpoints").mkdir(parents=True)
        (folder / name / "checkpoints" / "last.ckpt").touch()
        saved = plain(config) | changes
        (folder / name / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(saved)))
    (folder / "a" / "metrics.json").write_text(json.dumps({}))
    return folder


def test_resume_auto_finds_the_unfinished_run_of_this_configuration(runs, tmp_path):
    given = [f"paths.output_dir={tmp_path}", "resume=auto", "tags=[again]"]
    arguments = check_command_line(given, config_dir=CONFIGS)
    assert arguments == [
        given[0],
        given[2],
        f"resume='{runs / 'b'}'",
        f"hydra.run.dir='{runs / 'b'}'",
    ]
    assert check_command_line([*given, "trainer.max_epochs=200"], config_dir=CONFIGS)[-1].endswith(
        "/b'"
    )


def test_resume_auto_starts_anew_where_nothing_fits(runs, tmp_path, capsys):
    given = [f"paths.output_dir={tmp_path}", "dim=8"]
    assert check_command_line([*given, "resume=auto"], config_dir=CONFIGS) == given
    assert "no unfinished run of this configuration" in capsys.readouterr().err


def test_resume_refuses_another_configuration_and_says_which_keys(runs):
    text = told(f"resume={runs / 'c'}", "trainer.max_epochs=50")
    assert "max_length: 7 there, 200 here" in text
    assert "trainer.max_epochs: 100 there, 50 here" in text
    assert "resume=" in text.splitlines()[-1]


def test_resume_refuses_what_is_no_run_and_sweeps(tmp_path):
    assert "isn't the folder of a run" in told(f"resume={tmp_path}")
    assert "a sweep can't be continued" in told("-m", "seed=1,2", "resume=auto")


# Scripts


@dataclass
class Arguments:
    """Try a thing.

    python scripts/thing.py run=FOLDER
    """

    run: Path  # folder of a run
    items: list[str] | None = None  # ids
    k: int = 10  # length of the list
    quiet: bool = False
    tags: list[str] = field(default_factory=list)


def test_script_values_keep_their_text():
    text = "items=[0000013714, 1e5, 'a, b', B0002E1G5C]"
    arguments = parse(Arguments, ["run=x/y", text, "k=3", "quiet=true"])
    assert arguments == Arguments(Path("x/y"), ["0000013714", "1e5", "a, b", "B0002E1G5C"], 3, True)
    assert parse(Arguments, ["run=x", "items=null", "tags=[]"]).items is None


def test_script_mistakes_are_told_together_with_the_usage():
    with pytest.raises(ConfigError) as refused:
        parse(Arguments, ["itms=[a]", "k=few", "quiet=maybe"])
    text = str(refused.value)
    assert "itms: unknown, did you mean items?" in text
    assert "k: 'few' isn't a whole number" in text and "quiet: 'maybe' isn't true or false" in text
    assert "run: must be given" in text
    assert "  run    folder of a run (required)" in text


def test_script_help(capsys):
    with pytest.raises(SystemExit):
        parse(Arguments, ["--help"])
    assert "k      length of the list (default 10)" in capsys.readouterr().out
