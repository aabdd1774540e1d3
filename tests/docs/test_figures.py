"""Figures on the pages are those of docs/figures.yaml, which says where each comes from."""

import re

import pytest
import yaml
from helpers import ROOT
from helpers.pages import PAGES, check

SETS = yaml.safe_load((ROOT / "docs/figures.yaml").read_text())
FIGURES = {
    f"{name}/{row}": str(value) if "±" in str(value) else f"{value:.4f}"
    for name, entry in SETS.items()
    for row, value in entry["values"].items()
}
RECIPES = sorted((ROOT / "configs/experiment").glob("*.yaml"))
SHOWN = [page for page in PAGES if page.name != "CHANGELOG.md"] + RECIPES  # old figures are history
SPREAD = re.compile(r"\d\.\d+ ± \d\.\d+")
NAMED = re.compile(r"(\d\.\d+(?: ± \d\.\d+)?)\**<!--([^-]+)-->")


def shown(page):
    """The text of a page without its console blocks, which test_docs.py runs."""
    return re.sub(r"^```console$.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def page_id(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", SHOWN, ids=page_id)
def test_a_named_figure_is_that_of_the_file(page):
    for value, name in NAMED.findall(shown(page)):
        assert FIGURES[name] == value, name


@pytest.mark.parametrize("page", SHOWN, ids=page_id)
def test_every_mean_with_its_spread_is_in_the_file(page):
    unknown = set(SPREAD.findall(shown(page))) - set(FIGURES.values())
    assert not unknown, f"measure them and add them to docs/figures.yaml: {sorted(unknown)}"


def test_the_readme_names_every_figure_it_shows():
    text = shown(ROOT / "README.md")
    assert SPREAD.findall(text) == [v for v, _ in NAMED.findall(text) if "±" in v]


def test_every_marker_is_beside_a_figure():
    for page in SHOWN:
        markers = re.findall(r"<!--([^-]+)-->", shown(page))
        assert markers == [name for _, name in NAMED.findall(shown(page))], page.name


def test_every_figure_is_shown_somewhere():
    text = "\n".join(shown(page) for page in SHOWN)
    assert [name for name, value in FIGURES.items() if value not in text] == []


@pytest.mark.parametrize("name", SETS)
def test_a_set_says_where_its_figures_come_from(name, tmp_path, monkeypatch):
    entry = SETS[name]
    assert re.fullmatch(r"[0-9a-f]{12}", entry["hash"]) and entry["data"]
    assert re.match(r"\d{4}-\d\d", str(entry["measured"]))
    if "source" not in entry:
        monkeypatch.chdir(tmp_path)  # no run is there to be resumed
        check(entry["command"])
