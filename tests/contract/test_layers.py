"""The shape of the project: what may import what, what is pinned, what belongs together."""

import ast
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from helpers import ROOT
from omegaconf import OmegaConf
from packaging.requirements import Requirement

from seqrec.config.kinds import KINDS

PACKAGE = ROOT / "seqrec"
LAYERS = [
    *("errors", "home", "clock", "shapes", "catalogue", "facts", "contracts", "layers"),
    "machine",
    *("disk", "terminal", "config", "raw", "data", "store", "run", "split", "window"),
    *("columns", "batches"),
    *("augment", "features", "context", "embedding", "encoder", "head", "scorer", "negatives"),
    *("loss", "optimizer", "scheduler", "counts", "baseline", "metric", "ranking", "rerank"),
    *("list_metric", "model", "ensemble", "adapter", "compress", "question", "explainer"),
    *("generator", "objective", "build", "logger"),
    *(
        "evaluation",
        "pages",
        "comparison",
        "horizon",
        "recommend",
        "teacher",
        "explain",
        "bundle",
        "index",
        "nightly",
        "state",
        "policy",
        "feedback",
        "live",
        "estimator",
        "offpolicy",
        "serve",
        "export",
        "training",
        "experiment",
        "tradeoff",
        "growth",
        "update",
        "compression",
        "asking",
        "evidence",
        "gate",
        "promote",
        "drift",
        "review",
        "tune",
        "benchmark",
        "commands",
        "api",
    ),
]
OPTIONS = [kind.name for kind in KINDS]  # one file of the package, one option


def layer_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def imports_of(file: Path) -> set[str]:
    """Layers of seqrec that a file imports, wherever in it the import stands."""
    layers = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            layers |= {layer_of(n.name) for n in node.names if n.name.startswith("seqrec")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "seqrec":
            names = [f"seqrec.{n.name}" for n in node.names]
            layers |= {layer_of(m) for m in (names if node.module == "seqrec" else [node.module])}
    return layers & {path.stem for path in PACKAGE.iterdir()}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_only_itself_and_those_before_it(layer):
    files = sorted((PACKAGE / layer).rglob("*.py")) or [PACKAGE / f"{layer}.py"]
    allowed = set(LAYERS[: LAYERS.index(layer) + 1])
    for file in files:
        assert imports_of(file) <= allowed, file.relative_to(ROOT)


def test_every_module_has_a_layer():
    names = {path.name for path in PACKAGE.iterdir() if path.is_dir() or path.suffix == ".py"}
    modules = {Path(name).stem for name in names if not name.startswith("__")}
    assert modules == set(LAYERS)


def test_the_design_has_a_line_for_every_room_in_order():
    rooms = (ROOT / "docs/design.md").read_text().partition("## Rooms")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", rooms, re.MULTILINE) == LAYERS


def test_every_requirement_is_pinned_and_installed_as_pinned():
    lock = (ROOT / "requirements.lock").read_text()
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", lock, re.MULTILINE))
    assert len(pins) == len([line for line in lock.splitlines() if line and line[0] != "#"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    todo = [Requirement(r) for r in sum(extras.values(), project["dependencies"])]
    done: set[tuple[str, frozenset[str]]] = set()
    while todo:
        wanted = todo.pop()
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if (name, frozenset(wanted.extras)) in done or name == project["name"]:
            continue
        done.add((name, frozenset(wanted.extras)))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            assert name in pins, f"{wanted} is neither pinned nor installed"
            continue  # of an extra that isn't installed here
        assert name in pins or name.startswith(("nvidia-", "cuda-", "triton")), (
            f"{wanted} isn't pinned"
        )
        assert wanted.specifier.contains(pins.get(name, found.version), prereleases=True)
        for text in found.requires or []:
            inner = Requirement(text)
            if inner.marker is None or any(
                inner.marker.evaluate({"extra": extra}) for extra in ["", *wanted.extras]
            ):
                todo.append(inner)


def test_a_component_and_its_configuration_have_the_same_name():
    files = sorted((ROOT / "configs").glob("*/*.yaml"))
    assert files
    for file in files:
        kind, text = file.parent.name, OmegaConf.to_yaml(OmegaConf.load(file))
        targets = re.findall(r"_target_: (seqrec\.[\w.]+)", text)
        here = [t for t in targets if t.startswith(f"seqrec.{kind}.")][:1]  # others are its parts
        assert all(t.split(".")[2] == file.stem for t in here), file.relative_to(ROOT)
        assert not here or (PACKAGE / kind / f"{file.stem}.py").is_file()


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_file_of_a_kind_is_an_option_or_has_an_underscore(kind):
    options = {file.stem for file in (ROOT / "configs" / kind).glob("*.yaml")}
    files = {file.stem for file in (PACKAGE / kind).glob("*.py") if file.stem[0] != "_"}
    assert options and files <= options
