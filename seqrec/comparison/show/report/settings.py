"""Charts of the effect of each setting that rows differ in, and of pairs of settings."""

from seqrec.comparison.estimate.factors import Effect, Interaction, effect, factors, interactions
from seqrec.comparison.estimate.rows import Comparison
from seqrec.comparison.show.report.parts import dots_across, escape, rows_layout, short
from seqrec.comparison.show.table import span
from seqrec.pages.chart import Chart, Sheet, Variant


def effects(comparison: Comparison) -> Chart:
    """Draw each factor's levels with intervals, a variant per factor."""
    made = [effect(comparison, factor) for factor in factors(comparison)]
    made.sort(key=lambda each: not each.balanced)
    return Chart(
        "effects",
        "Effect of each setting",
        "Mean by value with 95 % intervals, averaged over the other settings that every value was "
        "tried with; if there are none (unbalanced), over all rows. Rows are paired, so intervals "
        "may overlap although the difference is clear: see p in the leaderboard.",
        [_effect(each, comparison.metrics[0]) for each in made],
        choose="Setting",
    )


def _effect(each: Effect, metric: str) -> Variant:
    estimates = [level.estimate for level in each.levels]
    names = [level.value for level in each.levels]
    dots = dots_across(names, estimates, "@series0", "circle", "")
    layout = rows_layout(f"test {metric}", each.factor, len(names))
    rows = [
        [level.value, f"{level.estimate.mean:.4f}", span(level.estimate), str(level.rows)]
        for level in each.levels
    ]
    label = each.factor if each.balanced else f"{each.factor} (unbalanced)"
    sheet = Sheet([each.factor, f"test {metric}", "95 % interval", "rows averaged"], rows)
    return Variant(label, {"data": [dots], "layout": layout}, sheet)


def interaction_maps(comparison: Comparison) -> Chart:
    """Draw a heatmap for each pair of factors."""
    return Chart(
        "interactions",
        "Settings together",
        "Mean by two settings; a dash means no run. If the order of colours differs between rows "
        "of the map, the settings interact.",
        [_map(each, comparison.metrics[0]) for each in interactions(comparison)],
        choose="Settings",
    )


def _map(each: Interaction, metric: str) -> Variant:
    z = [[None if e is None else short(e.mean) for e in line] for line in each.cells]
    text = [["-" if e is None else f"{e.mean:.4f}" for e in line] for line in each.cells]
    spans = [["no run" if e is None else span(e) for e in line] for line in each.cells]
    heat = {
        "type": "heatmap",
        "x": [escape(name) for name in each.columns],
        "y": [escape(name) for name in each.rows],
        "z": z,
        "text": text,
        "customdata": spans,
        "texttemplate": "%{text}",
        "colorscale": "Cividis",
        "xgap": 3,
        "ygap": 3,
        "colorbar": {
            "title": {"text": metric, "side": "right"},
            "thickness": 12,
            "outlinewidth": 0,
        },
        "hovertemplate": f"{escape(each.down)} %{{y}}, {escape(each.across)} %{{x}}<br>%{{text}} "
        "(95 %: %{customdata})<extra></extra>",
    }
    layout = rows_layout(each.across, each.down, len(each.rows), step=64)
    layout["xaxis"] |= {"type": "category", "showgrid": False}
    layout["yaxis"]["showgrid"] = False
    lines = zip(each.rows, text, strict=True)
    sheet = Sheet([f"{each.down} \\ {each.across}", *each.columns], [[r, *t] for r, t in lines])
    return Variant(f"{each.down} and {each.across}", {"data": [heat], "layout": layout}, sheet)
