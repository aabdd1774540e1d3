"""Trade-offs as one HTML file: before and after, NDCG against everything else, all strengths."""

from pathlib import Path
from typing import Any

from seqrec.pages.chart import Chart, Figure, Sheet, Variant, figures_of, layout_of
from seqrec.pages.page import write_page
from seqrec.tradeoff.points import ACCURACY, Measure, Point, front, mean
from seqrec.tradeoff.show import before_and_after, every_point, figure, lead, unchosen
from seqrec.tradeoff.study import Study

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "hexagon", "x", "cross")
TITLES = {"less": "less is better", "more": "more is better", "near 0": "near 0 is better"}


def write_tradeoffs(file: Path, study: Study) -> None:
    """Write the page of a study atomically.

    Args:
        file: the HTML file.
        study: what was measured.
    """
    charts = [_fronts(study)]
    write_page(
        file,
        __package__,
        title="What reranking gives and takes",
        kind="trade-offs",
        data={"figures": [figures_of(charts)]},
        lead=lead(study),
        protocol=study.protocol,
        shown=charts,
        heads=[point.label for point in (study.bare, *study.chosen.values())],
        summary=before_and_after(study),
        words=TITLES,
        k=study.k,
        every=every_point(study),
        unchosen=unchosen(study),
        left_out=study.left_out,
        runs=study.runs,
    )


def _fronts(study: Study) -> Chart:
    """Draw NDCG against each of the other measures."""
    text = (
        "Each line is a reranker from weak to strong, and each point one strength on the test "
        "events; the large points are the strengths that validation chose. The star is the model's "
        "own order. Dotted: the Pareto front, whose points no other beats in both."
    )
    variants = [
        Variant(
            f"{measure.title} ({TITLES[measure.better]})",
            _figure(study, measure),
            _sheet(study, measure),
        )
        for measure in study.measures
        if measure.name not in (ACCURACY.name, "hit_rate")
    ]
    title = f"NDCG@{study.k} against what reranking is for"
    return Chart("front", title, text, variants, choose="Against")


def _figure(study: Study, measure: Measure) -> Figure:
    """Plot the points of each reranker, the model's own and the front."""
    k = study.k
    best = {id(point) for point in study.chosen.values()}
    layout = layout_of(f"{measure.title}@{k}", f"NDCG@{k}") | {
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom"},  # leaves phones their width
        "height": 520,
    }
    optimal = [_place(point, measure, k) for point in front(study.points, measure, k)]
    traces: list[Figure] = [
        _line("Pareto front", optimal, "@muted") | {"hoverinfo": "skip", "mode": "lines",
                                                    "line": {"color": "@muted", "dash": "dot"}}
    ]  # fmt: skip
    names = list(dict.fromkeys(point.name for point in study.points[1:]))
    for at, name in enumerate(names):
        points = [point for point in study.points if point.name == name]
        large = [14 if id(point) in best else 7 for point in points]
        marker = {"size": large, "symbol": SYMBOLS[at % len(SYMBOLS)], "color": f"@series{at % 8}",
                  "line": {"width": 1, "color": "@card"}}  # fmt: skip
        drawn = _line(name, [_place(p, measure, k) for p in points], f"@series{at % 8}")
        told = {"text": [point.label for point in points], "marker": marker}
        traces.append(
            drawn | told | {"hovertemplate": "%{text}<br>%{x:.4f}, %{y:.4f}<extra></extra>"}
        )
    star = {"size": 16, "symbol": "star", "color": "@ink", "line": {"width": 1, "color": "@card"}}
    own = _line("no reranking", [_place(study.bare, measure, k)], "@ink")
    hover = "no reranking<br>%{x:.4f}, %{y:.4f}<extra></extra>"
    traces.append(own | {"mode": "markers", "marker": star, "hovertemplate": hover})
    return {"data": traces, "layout": layout}


def _line(name: str, places: list[tuple[Any, Any]], colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [x for x, _ in places],
        "y": [y for _, y in places],
        "line": {"color": colour, "width": 1.5},
    }


def _place(point: Point, measure: Measure, k: int) -> tuple[Any, Any]:
    return mean(point.test, measure.key(k)), mean(point.test, ACCURACY.key(k))


def _sheet(study: Study, measure: Measure) -> Sheet:
    k = study.k
    header = ["lists", f"{measure.title}@{k}", f"NDCG@{k}"]
    rows = [[p.label, *map(figure, _place(p, measure, k))] for p in study.points]
    return Sheet(header, rows)
