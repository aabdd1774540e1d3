"""Pages of the documentation as what they ask of a reader: commands to type, files to write.

- A ``console`` block is a walk: commands behind ``$``, and below each what it prints, in which
  ``...`` stands for anything. They are run, in order.
- A block right after a line that ends in "`path`:" is that file; other ``python`` is run.
- A block without a language, or in ``bash``, has a command on every line. They are checked.

What is in angle brackets the reader fills in; ``<time>`` is the latest run there.
"""

import dataclasses
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from doctest import ELLIPSIS, OutputChecker
from functools import cache
from itertools import groupby
from pathlib import Path

import msgspec
from markdown_it import MarkdownIt
from markdown_it.token import Token
from omegaconf import DictConfig, OmegaConf

from helpers import CONFIGS, ROOT
from helpers.apart import Apart
from helpers.commands import load_script
from helpers.programs import run_here
from seqrec.config.cli.command_line import check_command_line
from seqrec.config.cli.script import parse
from seqrec.config.schema import Root

MARKDOWN = MarkdownIt().enable("table")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "tests/README.md"])
PROJECT = ("seqrec", "configs", "scripts", "tests", "train.py", "pyproject.toml")
OTHERS = {".", "aws", "cd", "export", "git", "pre-commit", "wandb"}  # programs that aren't ours


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, and the file that it is, if it is one."""

    language: str
    text: str
    file: str | None = None

    @property
    def commands(self) -> list[str]:
        """What may be typed, one command each."""
        if self.file or self.language not in ("", "bash"):
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]

    def steps(self) -> Iterator[tuple[str, str]]:
        """Commands of a walk, and what each prints."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.replace("\\\n", " ").partition("\n")
            yield command, shown


@cache
def blocks(page: Path) -> list[Block]:
    """All blocks of code of a page; configuration is always that of a file."""
    found, before = [], ""
    for token in _tokens(page):
        if token.type in ("fence", "code_block"):
            named = re.search(r"`([\w./]+)`:$", before)
            found.append(Block(token.info, token.content, named[1] if named else None))
            assert named or token.info != "yaml", f"{page.name}: which file is\n{token.content}"
        before = token.content or before
    return found


def named(page: Path) -> list[str]:
    """Everything in the text that is set as code."""
    return [part.content for part in _parts(page) if part.type == "code_inline"]


def links(page: Path) -> set[str]:
    """Where the links and pictures of a page lead, but for those into the web."""
    places = {str(part.attrGet("href") or part.attrGet("src") or "") for part in _parts(page)}
    return {place.partition("#")[0] for place in places if place and "://" not in place}


@cache
def _tokens(page: Path) -> list[Token]:
    return MARKDOWN.parse(page.read_text())


def _parts(page: Path) -> list[Token]:
    """What lines of text are made of."""
    return [part for token in _tokens(page) for part in token.children or ()]


# Commands, checked but not run


@cache
def check(command: str) -> None:
    """Hold a command to what it starts: configuration, arguments, target or extra."""
    plain = re.sub(r"<[\w ]+>", "SOME", command)
    for part in plain.split("&&"):
        words = shlex.split(part.partition(">")[0], comments=True)
        name = next((w for w in words if w.endswith(".py")), words[0])
        arguments = words[words.index(name) + 1 :]
        if "--help" in arguments:
            assert (ROOT / name).is_file(), part
        elif name == "train.py":
            check_command_line(arguments, config_dir=CONFIGS)
        elif name.startswith("scripts/"):
            parse(load_script(Path(name).stem).Arguments, arguments)
        elif name == "seqrec" and arguments[0] == "train":
            check_command_line(arguments[1:], config_dir=CONFIGS)
        elif name == "seqrec":
            parse(load_script(arguments[0]).Arguments, arguments[1:])
        elif name == "curl":
            check_request(words[1].partition("/")[2], words[words.index("-d") + 1])
        elif name == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), part
        elif name == "pip" or words[:3] == ["python", "-m", "pip"]:
            project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            extras = re.findall(r"\[(\w+)\]", part)
            assert set(extras) <= set(project["optional-dependencies"]), part
        else:
            assert name in OTHERS or words[:3] == ["python", "-m", "pytest"], part


def check_request(path: str, body: str) -> None:
    """Hold a request to what the server takes at this path."""
    from seqrec.serve import schema

    kinds = {"v1/recommend": schema.Recommend, "v1/events": schema.Events}
    msgspec.json.decode(body, type=kinds[path])


@cache
def known_keys() -> set[str]:
    """Every key and environment variable of the configuration, every argument of a script."""
    schema = {field.name: field.default_factory for field in dataclasses.fields(Root)}
    keys = {*schema, *(path.name for path in CONFIGS.iterdir() if path.is_dir())}
    for name, kind in schema.items():
        if dataclasses.is_dataclass(kind):
            keys |= {f"{name}.{field.name}" for field in dataclasses.fields(kind)}
    for file in CONFIGS.glob("**/*.yaml"):
        group, content = ".".join(file.relative_to(CONFIGS).parts[:-1]), OmegaConf.load(file)
        whole = "_global_" in file.read_text()
        keys |= set(re.findall(r"oc\.env:(\w+)", file.read_text()))
        for name in content:
            inner = content._get_node(name)
            keys |= {str(name)} if whole else {f"{group}.{name}"}
            keys |= {f"{name}.{key}" for key in inner} if isinstance(inner, DictConfig) else set()
    for name in (file.stem for file in ROOT.glob("seqrec/commands/[a-z]*.py")):
        if declared := getattr(load_script(name), "Arguments", None):
            keys |= {field.name for field in dataclasses.fields(declared)}
    return keys


# Walks, taken in a copy of the project


def copy_project(folder: Path) -> Path:
    """A copy of the project, but for runs and what belongs to git."""
    for name in PROJECT:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    return folder


def walk(page: Path, folder: Path) -> None:
    """Write the files of a page and type its commands, in order.

    Raises:
        AssertionError: a command fails, or prints something else than the page shows.
    """
    # what a page adds to the package or to its configuration is seen by new processes only
    adds = any(str(block.file).startswith(("seqrec/", "configs/")) for block in blocks(page))
    for block in blocks(page):
        if block.file:
            target = folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)
        elif block.language == "python":
            (folder / "block.py").write_text(_filled(block.text, folder))
            typed("python block.py", folder, apart=adds)
        elif block.language == "console":
            for command, shown in block.steps():
                printed = typed(_filled(command, folder), folder, apart=adds)
                alike = OutputChecker().check_output(_words(shown), _words(printed), ELLIPSIS)
                assert alike, f"{page.name} shows for {command}\n{shown}\nand it prints\n{printed}"


def typed(command: str, folder: Path, *, apart: bool) -> str:
    """What a command prints, in a terminal of usual width.

    Args:
        command: the line.
        folder: where it is typed.
        apart: in a process of its own, even if it is but a Python program.
    """
    hidden = {"PYTHONPATH", "WANDB_API_KEY", "WANDB_MODE"}
    env = {name: value for name, value in os.environ.items() if name not in hidden} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SEQREC_CACHE_DIR": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "100",
        # in a fork, libraries that are plugins were imported before
        "PYTEST_ADDOPTS": "-W ignore::pytest.PytestAssertRewriteWarning",
    }
    program, *words = shlex.split(command)
    while "=" in program and words:  # PYTHONPATH=lab python train.py
        name, _, value = program.partition("=")
        env[name] = str(folder / value) if name == "PYTHONPATH" else value
        program, *words = words
        apart = True
    is_file = program == "python" and words[0].endswith(".py")
    is_module = program == "python" and words[0] == "-m"
    if is_module or (is_file and apart):
        first = words[0] if is_module else str(folder / words[0])
        status, said = Apart([first, *words[1:]], env, folder).end()
    elif is_file:
        status, said = run_here(folder / words[0], words[1:], env, folder=folder)
    else:
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=env, text=True, timeout=300,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        status, said = done.returncode, done.stdout
    assert status == 0, f"{command}\n{said}"
    return said


def _filled(text: str, folder: Path) -> str:
    """`text` with the latest run wherever it says ``<time>``."""
    for place in re.findall(r"[\w./-]+/<time>", text):
        found = sorted(folder.glob(place.replace("<time>", "*/metrics.json")))
        assert found, f"there is no run in {place}"
        text = text.replace(place, str(found[-1].parent.relative_to(folder)))
    return text


def _words(text: str) -> str:
    """`text` without what two machines differ in: figures, times, hashes, the order of rows."""
    text = re.sub(r"\d{4}-\d\d-\d\d_[\d-]+|<time>", "TIME", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "HASH", text)
    text = re.sub(r"(< )?[+\u2212-]?\d[\d,]*(\.\d+)?(e-\d+)?", "N", text)
    text = re.sub(r"[┏┓┗┛┡┩└┘━─┳┻╇┴┼█]+", "", text)
    lines = [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]
    tables = groupby(lines, key=lambda line: line.startswith("│"))
    ordered = [line for is_table, rows in tables for line in (sorted(rows) if is_table else rows)]
    return "".join(line if line == "..." else f"{line}\n" for line in ordered)
