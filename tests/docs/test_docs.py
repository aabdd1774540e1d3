"""What the pages show can be typed, and what is walked through prints what they show."""

import re

import pytest
from helpers import ROOT
from helpers.experiments import root
from helpers.pages import PAGES, blocks, check, copy_project, known_keys, links, named, walk

WALKS = [page for page in PAGES if any(block.language == "console" for block in blocks(page))]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_is_one_that_the_programs_take(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no run is there to be resumed
    for block in blocks(page):
        for command in block.commands:
            check(command)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_key_and_file_that_a_page_names_is_there(page):
    keys, written = known_keys(), {block.file for page in PAGES for block in blocks(page)}
    for code in named(page):
        for key in re.findall(r"(?:^|\s)\+?(\w[\w.]*)=(?!True)", code):
            assert key in keys or key.startswith("hydra."), f"{key} in `{code}`"
        for path in re.findall(r"^(?:scripts|seqrec|configs|tests|docs)/[\w/.]+$", code):
            assert path in written or (ROOT / path).exists(), path


def test_what_the_readme_says_of_own_files_composes():
    root("data=files", "data.path=x.csv", "data.rating=stars", "prepare.min_rating=4",
         "data.items_path=p.csv", "data.items_item=sku", "data.items_title=name",
         "prepare.repeats=consecutive", "prepare.k_core=5", "split=temporal",
         "evaluation.mask_seen=false", "data.timestamp=null")  # fmt: skip
    root("split=temporal", "split.targets=all", "split.new_items=rank", "prepare.session_gap=30",
         "embedding=features", "embedding.item_id=false", "embedding.join=gate")  # fmt: skip
    root("split=rolling", "split.fold=1")
    root("context=events", "context.columns=[rating,gap,hour]", "context.target_time=true")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for place in links(page):
        assert (page.parent / place).exists(), place


def test_a_reader_of_the_readme_finds_every_page():
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached:
            reached.add(page)
            todo += [(page.parent / place).resolve() for place in links(page) if ".md" in place]
    assert reached == set(PAGES)


@pytest.mark.slow
@pytest.mark.parametrize("page", WALKS, ids=name)
def test_a_walk_prints_what_its_page_shows(page, tmp_path):
    walk(page, copy_project(tmp_path))
