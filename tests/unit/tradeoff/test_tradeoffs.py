"""Trade-offs: strengths to try, what is measured, which strength is chosen, and the page."""

import re

import pytest
from helpers.browser import EVIL, NAMELESS, Targets, browser, choose, opened, texts
from helpers.experiments import root, store_of

from seqrec.comparison.show.table import MINUS
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.experiment.evaluate import evaluate
from seqrec.machine.hardware import find_hardware
from seqrec.rerank.popularity import Popularity
from seqrec.tradeoff.choose import Setting, settings_of
from seqrec.tradeoff.measure import measure
from seqrec.tradeoff.page import write_tradeoffs
from seqrec.tradeoff.points import MEASURES, Point, chosen, front, measures_of
from seqrec.tradeoff.show import before_and_after, plain, unchosen
from seqrec.tradeoff.study import Study, built

KL = next(each for each in MEASURES if each.name == "miscalibration")


def test_each_reranker_is_tried_at_its_own_strengths_from_weak_to_strong():
    found = settings_of(["popularity", "none", "rules", "popularity"], {})
    strengths = Popularity.strengths["weight"]
    assert [each.strength for each in found] == [*strengths, None]
    assert [each.name for each in found] == ["popularity"] * len(strengths) + ["rules"]
    assert found[0].node["weight"] == strengths[0] and found[0].label == "popularity weight=0.05"


def test_the_command_line_says_which_strengths_and_keys():
    options = {"mmr.weight": "[0.4, 0.1]", "depth": "30", "fair_exposure.share": "0.6"}
    found = settings_of(["mmr", "fair_exposure"], options)
    assert [each.strength for each in found] == [0.1, 0.4, 0.6]
    assert all(each.node["depth"] == 30 for each in found)


@pytest.mark.parametrize(
    ("names", "options", "told"),
    [
        (["mmrr"], {}, "did you mean mmr"),
        (["mmr"], {"wieght": "0.1"}, "did you mean weight"),
        (["mmr"], {"weight": "[0.5, 1.5]"}, "must be from 0 to 1"),
        (["mmr"], {"dpp.weight": "0.1"}, "dpp"),
    ],
)
def test_what_there_is_not_is_refused(names, options, told):
    with pytest.raises(ConfigError, match=told):
        settings_of(names, options)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """A model that hasn't learned anything, over a little data."""
    config = root("data.n_users=60", "data.n_items=40", "evaluation.ks=[3,8]",
                  "evaluation.monitor=ndcg@8")  # fmt: skip
    return build_experiment(config, store_of(config, tmp_path_factory.mktemp("store")))


@pytest.mark.parametrize("split", ["valid", "test"])
def test_one_pass_measures_what_an_evaluation_of_each_order_does(module, split):
    settings = settings_of(["popularity"], {"weight": "[0, 0.5]"})
    rerankers = [None, *(built(each, module) for each in settings)]
    bare, same, moved = measure(module, rerankers, split=split, tick=lambda n: None)
    assert same == bare and moved != bare
    policy = module.judge.policy
    for reranker, found in zip(rerankers, (bare, same, moved), strict=True):
        policy.reranker = reranker
        whole = evaluate(module, split=split, hardware=find_hardware("cpu", "fp32"))
        shared = [key for key in whole if key in found]
        assert {"ndcg@8", "coverage@8"} <= set(shared)
        assert {key: whole[key] for key in shared} == pytest.approx({k: found[k] for k in shared})
    assert moved["tail_share@8"] > bare["tail_share@8"]
    assert "similarity@8" in bare and any(key.startswith("gaps/") for key in bare)


def test_what_compares_vectors_is_refused_for_a_model_without_any(tmp_path):
    config = root("data.n_users=60", "data.n_items=40", "model=markov")
    module = build_experiment(config, store_of(config, tmp_path))
    [setting] = settings_of(["mmr"], {"similarity": "vectors", "weight": "0.5"})
    with pytest.raises(ConfigError, match="this model has none"):
        built(setting, module)


def test_the_strongest_within_the_loss_on_validation_is_chosen():
    def point(weight, valid, test=0.0):
        setting = None if weight is None else Setting("mmr", "weight", weight, {})
        return Point(setting, [{"ndcg@10": valid}], [{"ndcg@10": test}])

    points = [point(None, 1.0), point(0.1, 0.99), point(0.2, 0.96), point(0.3, 0.98, test=0.1)]
    assert chosen(points, 10, loss=0.03) == {"mmr": points[3]}  # the test has no say
    assert chosen(points, 10, loss=0.01) == {"mmr": points[1]}
    assert chosen(points, 10, loss=0.0) == {}


def test_the_front_is_what_nothing_beats_in_both():
    def point(ndcg, kl):
        return Point(
            Setting("mmr", "weight", kl, {}), [], [{"ndcg@10": ndcg, "miscalibration@10": kl}]
        )

    a, b, c, d, e = (
        point(*each) for each in [(0.5, 1.0), (0.4, 0.6), (0.4, 0.7), (0.3, 0.9), (0.1, 0.2)]
    )
    assert front([d, c, e, b, a], KL, 10) == [a, b, e]


def study(name="mmr", runs=2):
    """A study of made-up figures, in which a text of the run would break a careless page."""

    def metrics(at):
        values = {"ndcg": 0.2 - 0.01 * at, "hit_rate": 0.3 - 0.01 * at, "similarity": 0.5}
        values |= {"miscalibration": 1 - 0.2 * at, "gaps/user/ndcg": -0.1 + 0.03 * at}
        values |= {"gaps/age/ndcg": 0.02}
        return [{f"{key}@10": value for key, value in values.items()} for _ in range(runs)]

    points = [Point(None, metrics(0), metrics(0))]
    for at in (1, 2, 3):
        points.append(
            Point(Setting(name, "weight", at / 10, {"weight": at / 10}), metrics(at), metrics(at))
        )
    points.append(Point(Setting("dpp", "weight", 1, {}), metrics(9), metrics(9)))
    return Study(points, 10, 0.06, [f"outputs/{EVIL}"] * runs, "data  hash abc", "leave_one_out",
                 {"calibrated": f"no categories {EVIL}"})  # fmt: skip


def test_before_and_after_stand_in_one_table():
    found = study()
    [ndcg, _, kl, similarity, *gaps] = before_and_after(found)
    assert [cell.value for cell in ndcg[1]] == ["0.2000 ± 0.0000", "0.1900 ± 0.0000"]
    assert ndcg[1][1].change == f"{MINUS}5.0%" and ndcg[1][1].better is False
    assert kl[1][1].change == f"{MINUS}20.0%" and kl[1][1].better is True
    assert similarity[1][1].better is None
    assert [each.title for each, _ in gaps] == ["NDCG, active less light users", "NDCG, gap by age"]
    assert gaps[0][1][1].better is True and gaps[0][1][1].change == ""
    assert unchosen(found) == ["dpp"]
    told = plain(found)
    assert [each["chosen"] for each in told["points"]] == [False, True, False, False, False]


def test_measures_that_a_point_lacks_are_left_out():
    one = Point(None, [{"ndcg@10": 0.1, "coverage@10": 1.0}], [{"ndcg@10": 0.1}])
    assert [each.name for each in measures_of([one], 10)] == ["ndcg"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "tradeoffs.html"
    write_tradeoffs(file, study())
    return file


def test_the_page_asks_for_nothing_and_texts_stay_texts(page):
    text, targets = page.read_text(), Targets()
    targets.feed(text)
    assert targets.found
    assert all(target == "data:," or target.startswith("#") for target in targets.found)
    assert EVIL not in text and "&lt;/script&gt;&lt;img" in text
    [style] = re.findall("<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style and "@import" not in style


@browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_drawn_and_can_be_used(chromium, page, width):
    shown = opened(chromium, page, width=width)
    assert (
        shown.execute_script("return document.querySelectorAll('.plot:has(.main-svg)').length") == 1
    )
    assert shown.execute_script("return document.documentElement.scrollWidth") <= width
    assert shown.execute_script(NAMELESS) == [] and shown.get_log("browser") == []
    axis = "return document.querySelector('.xtitle').textContent"
    assert shown.execute_script(axis) == "miscalibration (KL)@10"
    choose(shown, "#p0-front-select", "1")
    assert shown.execute_script(axis) == "list similarity@10"
    assert texts(shown, ".measures thead th")[1:] == ["none", "mmr weight=0.1"]
    assert shown.execute_script("return performance.getEntriesByType('resource').length") == 0
