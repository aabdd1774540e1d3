"""Trade-offs as a table: before, and after at the strength that validation chose."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqrec.comparison.show.table import MINUS
from seqrec.pages.chart import Sheet
from seqrec.terminal.console import Console, print_line, print_whole
from seqrec.terminal.table import Table
from seqrec.tradeoff.points import ACCURACY, Measure, Point, mean, spread
from seqrec.tradeoff.study import Study


@dataclass(frozen=True)
class Cell:
    """A measure of the test events.

    Args:
        value: its mean over the runs, and the standard deviation of several.
        change: against the model's own order, in percent; empty for that, and for gaps, whose
            shares say little.
        better: whether the change is one for the better; None: there is none.
    """

    value: str
    change: str = ""
    better: bool | None = None


def before_and_after(study: Study) -> list[tuple[Measure, list[Cell]]]:
    """Return for each measure a cell of the model's own order, and one of each chosen strength."""
    points = [study.bare, *study.chosen.values()]
    return [(each, [_cell(point, each, study) for point in points]) for each in study.measures]


def every_point(study: Study) -> Sheet:
    """Return a row for every strength: validation NDCG, and all measures on the test events."""
    k, best = study.k, {id(point) for point in study.chosen.values()}
    valid = f"validation NDCG@{k}"
    header = ["lists", "chosen", valid, *(f"{m.title}@{k}" for m in study.measures)]
    rows = []
    for point in study.points:
        told = [figure(mean(point.valid, ACCURACY.key(k)))]
        told += [figure(mean(point.test, m.key(k))) for m in study.measures]
        rows.append([point.label, "yes" if id(point) in best else "", *told])
    return Sheet(header, rows)


def lead(study: Study) -> str:
    """Return what was measured, and how the strengths were chosen."""
    runs = f"means of {len(study.runs)} runs" if len(study.runs) > 1 else "one run"
    return (
        f"{study.data}; {runs}. The strength of each reranker is the largest that loses at most "
        f"{100 * study.loss:g} % of the validation NDCG@{study.k}. All other figures are of the "
        "test events."
    )


def unchosen(study: Study) -> list[str]:
    """Return the rerankers of which every strength loses more than it may."""
    names = dict.fromkeys(point.name for point in study.points[1:])
    return [name for name in names if name not in study.chosen]


def show(out: Console, study: Study) -> None:
    """Print the table."""
    print_line(out, "data", study.data)
    print_line(out, "test", study.protocol)
    table = Table()
    table.add_column(f"@{study.k}")
    for point in (study.bare, *study.chosen.values()):
        table.add_column(point.label, right=True)
    for measure, cells in before_and_after(study):
        table.add_row(measure.title, *(f"{c.value.partition(' ')[0]} {c.change:>7}" for c in cells))
    print_whole(out, table)
    print_line(out, "chosen", f"the strongest that loses {100 * study.loss:g} % of the validation "
               f"NDCG@{study.k} or less")  # fmt: skip
    for name in unchosen(study):
        print_line(out, "none", f"{name}: every strength loses more")
    for name, reason in study.left_out.items():
        print_line(out, "left out", f"{name}: {reason}")


def show_reranked(
    out: Console, before: Mapping[str, Any], after: Mapping[str, float], k: int
) -> None:
    """Print the metrics of a run at one length, as it wrote them and with a reranker."""
    table = Table(f"lists of {k}: as the run wrote them, and reranked")
    for name in ("metric", "before", "after", "change"):
        table.add_column(name, right=name != "metric")
    for key, now in after.items():
        was = before.get(key)
        if key.endswith(f"@{k}") and isinstance(was, float):
            table.add_row(key, figure(was), figure(now), _percent(now / was - 1) if was else "")
    out.print(table)


def _percent(share: float) -> str:
    return f"{share:+.1%}".replace("-", MINUS)


def plain(study: Study) -> dict[str, Any]:
    """Return all numbers as plain values."""
    best = {id(point) for point in study.chosen.values()}
    return {
        "data": study.data,
        "protocol": study.protocol,
        "k": study.k,
        "loss": study.loss,
        "runs": study.runs,
        "left_out": study.left_out,
        "points": [
            {
                "rerank": point.name,
                "settings": {} if point.setting is None else point.setting.node,
                "chosen": id(point) in best,
                "valid": point.valid,
                "test": point.test,
            }
            for point in study.points
        ],
    }


def figure(value: float | None) -> str:
    """Format a number of a table."""
    return "" if value is None else f"{value:.4f}".replace("-", MINUS)


def _cell(point: Point, measure: Measure, study: Study) -> Cell:
    key = measure.key(study.k)
    was, now, sd = mean(study.bare.test, key), mean(point.test, key), spread(point.test, key)
    value = figure(now) + ("" if sd is None else f" ± {sd:.4f}")
    if point is study.bare or was is None or now is None:
        return Cell(value)
    better = None if now == was else measure.cost(now) < measure.cost(was)
    if measure.better == "near 0" or not was:
        return Cell(value, better=better)
    return Cell(value, _percent(now / was - 1), better)
