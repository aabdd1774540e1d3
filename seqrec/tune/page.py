"""A study as one HTML file that opens from disk: history, importance, slices, front."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from seqrec.pages.chart import Chart, Figure, Sheet, Variant, figures_of, layout_of
from seqrec.pages.page import write_page
from seqrec.tune.study import Search

HEIGHT = 420  # pixels of a chart
SCALE = [[0, "@series5"], [1, "@series4"]]  # colours of early to late trials


def write_study(file: Path, study: optuna.Study, search: Search) -> None:
    """Write the page of a study atomically.

    Args:
        file: the HTML file.
        study: a study with at least one finished trial.
        search: the search that the study belongs to.
    """
    charts = _charts(study, search)
    write_page(
        file,
        __package__,
        title=search.name,
        kind="tuning",
        data={"figures": [figures_of(charts)]},
        lead=_lead(study, search),
        shown=charts,
        table=_table(study, search),
    )


def _lead(study: optuna.Study, search: Search) -> str:
    states = [trial.state for trial in study.trials]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    by_state = ", ".join(f"{count} {state.name.lower()}" for state, count in counts.items())
    return (
        f"{len(states)} trials ({by_state}), judged by {search.monitor} alone; the test events "
        "aren't used."
    )


def _charts(study: optuna.Study, search: Search) -> list[Chart]:
    from optuna import visualization as draw

    done = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    names = [search.monitor, *([search.also] if search.also else [])]
    found: list[Chart] = []

    def add(title: str, text: str, drawn: Any, *, wide: bool = False, front: bool = False) -> None:
        variants = [Variant(title, _themed(drawn, front=front))]
        found.append(Chart(f"chart{len(found)}", title, text, variants, wide=wide))

    if search.also:
        drawn = draw.plot_pareto_front(study, target_names=names)
        text = "No trial is better in one objective without being worse in the other."
        add("Pareto front", text, drawn, front=True)
    for at, name in enumerate(names):
        target: Callable[[Any], float] | None = (
            (lambda t, at=at: t.values[at]) if search.also else None
        )
        shared: dict[str, Any] = {"target": target, "target_name": name}
        history = draw.plot_optimization_history(study, **shared)
        add(f"{name} by trial", "Each point is a trial, in order of their start.", history)
        if done > 1 and len(search.space.varied) > 1:
            good = _to_be_small(search, at) if search.also else None
            with warnings.catch_warnings():  # PedAnova warns that it takes small values as good
                warnings.filterwarnings("ignore", message="PedAnova")
                drawn = draw.plot_param_importances(study, target=good, target_name=name)
            text = (
                "The importance of each setting in separating good trials from others (PED-ANOVA)."
            )
            add(f"Importance for {name}", text, drawn)
        slices = draw.plot_slice(study, **shared)
        wide = len(search.space.varied) > 1
        add(
            f"{name} by setting",
            "Each point is a trial; colours show their order.",
            slices,
            wide=wide,
        )
    if search.also is None and done:
        curves = draw.plot_intermediate_values(study)
        add("Learning curves", f"{search.monitor} after each epoch of each trial.", curves)
    return found


def _themed(drawn: Any, *, front: bool = False) -> Figure:
    """Return Optuna's figure as data, in the colours of the page."""
    figure: Figure = json.loads(drawn.to_json())
    layout, axis = figure["layout"], layout_of("", "")["xaxis"]
    for key in ("template", "title", "width"):
        layout.pop(key, None)
    for name in [key for key in layout if key[:5] in ("xaxis", "yaxis")]:
        layout[name] = axis | layout[name]
        layout[name]["title"] = {"standoff": 12} | layout[name].get("title", {})
    layout |= {
        "height": HEIGHT,
        "margin": {"l": 10, "r": 16, "t": 24, "b": 10},
        "legend": {"orientation": "h", "y": 1, "yanchor": "bottom"},  # leaves phones their width
        "colorway": [f"@series{at}" for at in range(8)],
    }
    for trace in figure["data"]:
        marker = trace.get("marker", {})
        if not front and "colorscale" in marker:
            marker["colorscale"] = SCALE
        elif front:  # one colour each: two colour bars would leave no room on a small screen
            best = marker["colorbar"]["title"]["text"] == "Best Trial"
            trace["marker"] = {"size": 10, "color": "@series1"} if best else {"color": "@muted"}
            trace |= {"name": "on the front" if best else "not on it", "showlegend": True}
        if trace["type"] == "bar":
            trace["cliponaxis"] = False
    return figure


def _to_be_small(search: Search, at: int) -> Callable[[Any], float]:
    """Return an objective with the sign that makes small values good."""
    sign = -1 if search.directions[at].name == "MAXIMIZE" else 1
    return lambda trial: sign * trial.values[at]


def _table(study: optuna.Study, search: Search) -> Sheet:
    keys = list(search.space.varied)
    head = ["trial", "state", search.monitor, *([search.also] if search.also else []), *keys]
    rows = []
    for trial in study.trials:
        values = trial.user_attrs.get("values", trial.params)
        reached = [f"{value:.5g}" for value in trial.values or []]
        reached += ["" for _ in range(1 + bool(search.also) - len(reached))]
        settings = [str(values.get(key, "")) for key in keys]
        rows.append([str(trial.number), trial.state.name.lower(), *reached, *settings])
    return Sheet(head, rows)
