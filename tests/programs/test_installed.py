"""A wheel carries the whole program: unpacked beside no checkout, it works from an empty folder."""

import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from helpers import CONFIGS, ROOT
from helpers.apart import Apart
from helpers.place import QUICK, metrics

from seqrec.run.code import code_hash
from seqrec.run.folder import RunFolder

HEAVY = ("torch", "pytorch_lightning", "wandb", "polars", "numpy")


class Installed:
    """The program of a wheel, in a folder where nothing else is."""

    def __init__(self, package: Path, folder: Path):
        self.package, self.folder = package, folder

    def run(self, *arguments: str, status: int = 0) -> str:
        """Type ``seqrec`` and these arguments; return what is printed."""
        ended, said = Apart(["-m", "seqrec", *arguments], self.env, self.folder).end()
        assert ended == status, said
        return said

    def fork(self, code: str) -> str:
        """Run code in a fork that has libraries, but not the package."""
        (self.folder / "code.py").write_text(code)
        ended, said = Apart([str(self.folder / "code.py")], self.env, self.folder).end()
        assert ended == 0, said
        return said

    def python(self, code: str, *, status: int = 0) -> str:
        """Run code in an interpreter of its own."""
        done = subprocess.run(
            [sys.executable, "-c", code], env=self.env, cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180,
        )  # fmt: skip
        assert done.returncode == status, done.stdout
        return done.stdout

    @property
    def env(self) -> dict[str, str]:
        given = {"PYTHONPATH": str(self.package), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
        return {**os.environ, **given}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The folder of a wheel, unpacked; built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (*("wheel", "--quiet", "--no-deps", "--no-build-isolation"), "--wheel-dir", str(folder))
    subprocess.run([sys.executable, "-m", "pip", *build, str(ROOT)], check=True, timeout=120)
    [file] = folder.glob("*.whl")
    zipfile.ZipFile(file).extractall(folder / "package")
    return folder / "package"


@pytest.fixture
def installed(wheel, tmp_path):
    return Installed(wheel, tmp_path)


@pytest.mark.slow
def test_a_wheel_has_every_file_that_the_program_reads(wheel):
    package = ROOT / "seqrec"
    wanted = {f"configs/{file.relative_to(CONFIGS)}" for file in CONFIGS.rglob("*.yaml")}
    files = (file for file in package.rglob("*") if file.is_file() and file.suffix != ".pyc")
    wanted |= {str(file.relative_to(package)) for file in files}
    there = {str(f.relative_to(wheel / "seqrec")) for f in wheel.rglob("*") if f.is_file()
             and f.is_relative_to(wheel / "seqrec")}  # fmt: skip
    assert there == wanted
    assert {path.name.partition("-")[0] for path in wheel.iterdir()} == {"seqrec"}
    [script] = wheel.glob("*.dist-info/entry_points.txt")
    assert "seqrec = seqrec.__main__:main" in script.read_text()


@pytest.mark.slow
def test_the_command_lists_what_there_is_and_proposes_the_nearest(installed):
    said = installed.run()
    commands = {file.stem for file in (ROOT / "seqrec/commands").glob("[a-z]*.py")}
    assert {line.split()[0] for line in said.split("\n\n")[-1].splitlines()} == commands
    assert said == installed.run("--help")
    assert "trian: unknown, did you mean train?" in installed.run("trian", status=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status"),
    [("train --help", 0), ("evaluate --help", 0), ("train encoder=lsmt", 2), ("evaluate", 2)],
)
def test_help_and_mistakes_load_nothing_heavy_and_name_the_command(installed, arguments, status):
    code = f"""if True:
        import sys
        sys.argv = ["seqrec", *{arguments.split()}]
        from seqrec.__main__ import main
        try:
            main()
        finally:
            print([name for name in {HEAVY} if name in sys.modules])
    """
    said = installed.python(code, status=status)
    assert said.splitlines()[-1] == "[]"
    assert f"seqrec {arguments.split()[0]} " in said
    assert "python " not in said and "Traceback" not in said


@pytest.mark.slow
def test_it_trains_evaluates_and_recommends_from_an_empty_folder(installed):
    said = installed.run("train", *QUICK, "logger=none", "trainer.max_epochs=1")
    [run] = [path.parent for path in installed.folder.glob("outputs/**/metrics.json")]
    assert metrics(run)["epochs"] == 1
    [hint] = [line for line in said.splitlines() if line.startswith("next")]
    program, *arguments = shlex.split(hint.removeprefix("next"))
    assert program == "seqrec" and arguments[1] == f"run={run.relative_to(installed.folder)}"
    assert "recommended" in installed.run(*arguments)
    assert "equal to metrics.json" in installed.run("evaluate", f"run={run}")
    about = RunFolder(run).about()
    assert about["command"].startswith("seqrec train data=synthetic ")
    assert about["environment"]["git_sha"] is None
    assert about["environment"]["code_sha256"] == code_hash()


@pytest.mark.slow
def test_further_processes_of_a_run_are_started_by_the_name_of_the_command(installed):
    code = """if True:
        import sys
        from pytorch_lightning.strategies.launchers import subprocess_script
        from seqrec import __main__
        from seqrec.commands import train
        train.main = lambda: print(subprocess_script._basic_subprocess_cmd()[1:])
        sys.argv = ["seqrec", "train", "seed=1"]
        __main__.main()
    """
    assert installed.fork(code).strip() == "['-m', 'seqrec.commands.train', 'seed=1']"
