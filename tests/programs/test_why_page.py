"""The page of an explanation: its texts stay texts, and a real browser draws it."""

import polars as pl
import pytest
import torch
from helpers.browser import EVIL, NAMELESS, Targets, browser, choose, click, opened, texts
from helpers.experiments import root

from seqrec.build import build_model
from seqrec.explain.case import Case
from seqrec.explain.choose import EXPLAINERS
from seqrec.explain.show.page import write_why
from seqrec.explain.why import explain
from seqrec.facts import Facts
from seqrec.recommend import Recommender


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """The page of an explanation, with titles that would break it."""
    torch.manual_seed(1)
    config, titles = (
        root("model=sasrec", "dim=8"),
        [EVIL, "@ink", *(f"title {n}" for n in range(18))],
    )
    catalogue = pl.DataFrame(
        {
            "index": range(1, 21),
            "item": [f"i{n}" for n in range(20)],
            "title": titles,
            "candidate": [True] * 20,
        }
    )
    recommender = Recommender(
        model=build_model(config, Facts(n_items=20)),
        catalogue=catalogue,
        config=config,
        data_hash="",
        events={},
    )
    session, methods = (
        ["i0", "i1", "i5", "i0"],
        ["integrated_gradients", "recency", "counterfactual"],
    )
    case = Case.of(recommender, session)
    why = explain(case, EXPLAINERS.settings_of(methods, {}), k=5)
    file = tmp_path_factory.mktemp("why") / "why.html"
    write_why(file, why, case.question(case.best()), run="outputs/run")
    return file


def test_texts_of_an_explanation_stay_texts(explained):
    page, targets = explained.read_text(), Targets()
    targets.feed(page)
    assert EVIL not in page and "&lt;/script&gt;&lt;img" in page
    assert all(target == "data:," or target.startswith("#") for target in targets.found)


@browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_an_explanation_is_drawn_on_phone_and_desktop(chromium, explained, width):
    background = "return getComputedStyle(document.querySelector('.card')).backgroundColor"
    page = opened(chromium, explained, width=width)
    drawn = "return document.querySelectorAll('.plot:has(.main-svg)').length"
    assert page.execute_script(drawn) == 3
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert texts(page, "#weights tbody th") == [EVIL, "title 3", "@ink", EVIL]
    options = texts(page, "#p0-attention-select option")
    assert {"head", "encoder, layer 1, head 1"} <= set(options)
    for at, option in enumerate(options):
        choose(page, "#p0-attention-select", str(at))
        [caption] = texts(page, "#p0-attention .numbers caption")
        assert caption.endswith(option)
    assert page.execute_script(NAMELESS) == []
    assert page.get_log("browser") == []
    light = page.execute_script(background)
    click(page, "#theme")
    assert (dark := page.execute_script(background)) != light
    page = opened(chromium, explained, scheme="dark", charts=False)
    assert page.execute_script(background) == dark
