"""The HTML report: whole in itself, and in a real browser readable, sorted, filtered, themed."""

import json
import re
from types import SimpleNamespace

import pytest
from helpers.browser import EVIL, NAMELESS, Targets, browser, choose, click, opened, texts, wait
from helpers.run_folders import write_run, write_sweep

from seqrec.comparison.estimate.comparison import compare
from seqrec.comparison.read.choose import comparable
from seqrec.comparison.read.find import Skipped, find_runs
from seqrec.comparison.show.report.page import check_target, write_report
from seqrec.errors import ConfigError
from seqrec.run.audited import weights_hash
from seqrec.run.folder import RunFolder


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of two comparisons, one with a label that would break a careless page."""
    place = tmp_path_factory.mktemp("place")
    outputs = write_sweep(place / "outputs")
    other = {"data": "second", "data_hash": "b" * 64}
    write_run(outputs / "second" / "1", card=other, settings={"tags": [EVIL], "group": EVIL})
    write_run(outputs / "second" / "2", card=other, settings={"optimizer.lr": EVIL}, skill=0.5)
    runs, _ = find_runs([str(outputs)])
    comparisons = [
        compare(those, by=None, metrics=["ndcg@10", "mrr@10"], reference=None, replicates=500)
        for those in comparable(runs, separate=True)
    ]
    file = place / "report.html"
    skipped = [Skipped(place / "broken", f"it failed: {EVIL}")]
    write_report(file, comparisons, skipped, replicates=500)
    return file


def test_the_page_asks_for_nothing(report):
    page, targets = report.read_text(), Targets()
    targets.feed(page)
    assert len(targets.found) > 10
    assert all(target == "data:," or target.startswith("#") for target in targets.found)
    [style] = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    assert "url(" not in style and "@import" not in style
    assert page.count("plotly.js v") == 1


def test_texts_from_runs_stay_texts(report):
    page = report.read_text()
    assert EVIL not in page and "&lt;/script&gt;&lt;img" in page


@pytest.fixture(scope="module")
def tuning(tmp_path_factory):
    """The page of a study with two objectives and a setting whose name would break it."""
    import optuna

    from seqrec.tune.page import write_study

    study = optuna.create_study(directions=["maximize", "minimize"])
    for at in range(6):
        trial = study.ask()
        trial.suggest_categorical(EVIL, ["a", "b"])
        trial.suggest_float("optimizer.lr", 1e-4, 1e-2, log=True)
        study.tell(trial, [at / 10, 5 - at])
    space = SimpleNamespace(varied={EVIL: None, "optimizer.lr": None})
    file = tmp_path_factory.mktemp("study") / "study.html"
    told = {"monitor": "valid/ndcg@10", "also": "parameters", "directions": study.directions}
    search = SimpleNamespace(name=EVIL, space=space, **told)
    write_study(file, study, search)
    return file


@browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_a_study_is_drawn_in_the_same_style(chromium, tuning, report, width):
    background = "return getComputedStyle(document.querySelector('.card')).backgroundColor"
    page = opened(chromium, tuning, width=width)
    assert page.execute_script("return document.querySelectorAll('.chart').length") == 7
    assert (
        page.execute_script("return document.querySelectorAll('.plot:has(.main-svg)').length") == 7
    )
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    assert page.get_log("browser") == [] and texts(page, "h1") == [EVIL]
    light = page.execute_script(background)
    click(page, "#theme")
    assert (dark := page.execute_script(background)) != light
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0
    page = opened(chromium, report, scheme="dark", charts=False)
    assert page.execute_script(background) == dark


def test_metrics_that_are_none_of_ranks_stand_in_the_leaderboard(tmp_path):
    for at in (1, 2):
        write_run(tmp_path / str(at), settings={"dim": at}, skill=at)
    runs, _ = find_runs([str(tmp_path)])
    for run, value in zip(runs, (0.125, 0.75), strict=True):
        run.results["test/diversity@10"] = value
    metrics = ["ndcg@10", "diversity@10"]
    comparison = compare(runs, by=None, metrics=metrics, reference=None, replicates=200)
    write_report(tmp_path / "report.html", [comparison], [], replicates=200)
    page = (tmp_path / "report.html").read_text()
    assert '<button type="button">diversity@10</button>' in page
    assert '<td class="n" data-value="0.125">0.1250</td>' in page  # none is in bold
    assert '<td class="n" data-value="0.75">0.7500</td>' in page


def test_audited_runs_show_how_far_explanations_can_be_trusted(tmp_path):
    for at in (1, 2):
        run = write_run(tmp_path / str(at), settings={"dim": at}, skill=at)
        if at == 1:
            (run / "checkpoints").mkdir(exist_ok=True)
            (run / "checkpoints" / "best.ckpt").write_bytes(b"weights")
            metrics = {"POS@5,Ke3": {"mean": 0.25, "users": 9}}
            methods = {n: {"metrics": metrics} for n in ("attention", "random", "recency")}
            content = {"weights": weights_hash(RunFolder(run)), "methods": methods}
            (run / "explanations.json").write_text(json.dumps(content))
    runs, _ = find_runs([str(tmp_path)])
    comparison = compare(runs, by=None, metrics=["ndcg@10"], reference=None, replicates=200)
    write_report(tmp_path / "report.html", [comparison], [], replicates=200)
    page = (tmp_path / "report.html").read_text()
    assert "How far explanations can be trusted" in page and '<td class="n">0.250</td>' in page
    best = tmp_path / "1" / "checkpoints" / "best.ckpt"
    for change in (lambda: best.write_bytes(b"others"), best.unlink):
        change()
        write_report(tmp_path / "report.html", [comparison], [], replicates=200)
        assert "How far explanations" not in (tmp_path / "report.html").read_text()


def test_a_report_that_cannot_be_written_is_refused_first(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="doesn't exist"):
        check_target(tmp_path / "no" / "report.html")
    with pytest.raises(ConfigError, match="is a folder"):
        check_target(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"'\.\[report\]'"):
        check_target(tmp_path / "report.html")


PLACES = "#p0 .board tbody .place"


@browser
@pytest.mark.slow
def test_every_chart_is_drawn_and_named_without_an_error(chromium, report):
    page = opened(chromium, report)
    charts = page.execute_script("return document.querySelectorAll('#p0 .chart').length")
    assert charts == 5 and len(texts(page, "#p0 .plot .main-svg")) >= charts
    titles = texts(page, "#p0 .xtitle") + texts(page, "#p0 .ytitle")
    for title in ("epoch", "validation ndcg@10", "training time, seconds (log scale)",
                  "test ndcg@10", "encoder", "head"):  # fmt: skip
        assert title in titles
    for chart, variants in (("curves", 6), ("costs", 2), ("effects", 2), ("slices", 3)):
        for at in range(variants):
            choose(page, f"#p0-{chart}-select", str(at))
            [caption] = texts(page, f"#p0-{chart} .numbers caption")
            [label] = texts(page, f"#p0-{chart}-select option:nth-child({at + 1})")
            assert caption.endswith(label)
    assert page.get_log("browser") == []
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0


@browser
@pytest.mark.slow
def test_paper_has_every_chart_in_the_light_theme(chromium, report):
    page = opened(chromium, report, scheme="dark", charts=False)
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    wait(  # plotly draws a little later
        page,
        "return [...document.querySelectorAll('.plot')]"
        ".every(p => p.querySelector('.main-svg')?.getAttribute('width') === '880')",
    )
    theme = "return document.documentElement.dataset.theme ?? 'of the system'"
    assert page.execute_script(theme) == "light"
    page.execute_script("dispatchEvent(new Event('afterprint'))")
    assert page.execute_script(theme) == "of the system"


@browser
@pytest.mark.slow
def test_the_leaderboard_is_sorted_by_its_headers(chromium, report):
    page = opened(chromium, report, charts=False)
    assert texts(page, PLACES) == ["1", "2", "3", "4", "5", "6"]
    header = "#p0 .board thead th:nth-child({})"
    click(page, header.format(2) + " button")
    models = texts(page, "#p0 .board tbody th")
    assert [m[:4] for m in models] == sorted(m[:4] for m in models)
    click(page, header.format(5) + " button")
    assert texts(page, PLACES) == ["1", "2", "3", "4", "5", "6"]
    click(page, header.format(5) + " button")
    assert texts(page, PLACES) == ["6", "5", "4", "3", "2", "1"]
    assert page.execute_script(
        "return [...document.querySelectorAll('#p0 .board thead th')].map(h => h.ariaSort)"
    ) == [None] * 4 + ["ascending"] + [None] * (len(texts(page, "#p0 .board thead th")) - 5)


@browser
@pytest.mark.slow
def test_the_leaderboard_is_filtered_by_words(chromium, report):
    page = opened(chromium, report, charts=False)
    choose(page, "#p0-filter", "GRU last")
    assert texts(page, "#p0 .board tbody tr td:nth-child(4)") == ["last"]
    assert texts(page, "#p0 .filter output") == ["1 of 6 rows"]
    choose(page, "#p0-filter", "")
    assert len(texts(page, PLACES)) == 6


@browser
@pytest.mark.slow
def test_settings_of_two_runs_are_told(chromium, report):
    page = opened(chromium, report, charts=False)
    runs = texts(page, "#p0-settings .a option")
    a, b = (next(at for at, name in enumerate(runs) if w in name) for w in ("seed 1", "seed 2"))
    choose(page, "#p0-settings .a", str(a))
    choose(page, "#p0-settings .b", str(b))
    assert texts(page, "#p0-settings tbody th") == ["seed"]
    assert texts(page, "#p0-settings tbody td") == ["1", "2"]
    choose(page, "#p0-settings .b", str(a))
    assert texts(page, "#p0-settings caption") == ["No setting differs"]


@browser
@pytest.mark.slow
def test_the_theme_follows_the_system_until_it_is_chosen(chromium, report):
    background = "return getComputedStyle(document.body).backgroundColor"
    text = "document.querySelector('#p0 .xtick text')"
    tick = f"return getComputedStyle({text}).fill"
    page = opened(chromium, report)
    wait(page, f"return {text}")
    light = page.execute_script(background), page.execute_script(tick)
    click(page, "#theme")
    dark = page.execute_script(background), page.execute_script(tick)
    assert light[0] != dark[0] and light[1] != dark[1]
    page = opened(chromium, report, scheme="dark")
    wait(page, f"return {text}")
    assert (page.execute_script(background), page.execute_script(tick)) == dark
    assert texts(page, "#theme") == ["Light theme"]


@browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_as_wide_as_the_screen(chromium, report, width):
    page = opened(chromium, report, width=width)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


@browser
@pytest.mark.slow
def test_keyboard_and_screen_reader_find_everything(chromium, report):
    page = opened(chromium, report)
    assert page.execute_script(NAMELESS) == []
    ids = page.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id)")
    anchors = page.execute_script(
        "return [...document.querySelectorAll('a')].map(a => a.getAttribute('href').slice(1))"
    )
    assert len(ids) == len(set(ids)) and set(anchors) <= set(ids)
    assert (
        page.execute_script("return document.querySelector('a, button, input, select').className")
        == "skip"
    )
