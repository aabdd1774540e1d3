"""A study as one HTML file that opens from disk: history, importance, slices, front."""

import warnings
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from seqrec.run.folder import RunFolder
from seqrec.tune.study import Search

SHOWN = {"responsive": True, "displayModeBar": False}
STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #ffffff; --line: #d9d9e0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e7ee; --paper: #16161a; --line: #3a3a44; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
.scroll { overflow-x: auto; }
.scroll > div { min-width: 44rem; }
"""
SCRIPT = """
const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => {
  const style = getComputedStyle(document.documentElement);
  const ink = style.getPropertyValue("--ink").trim();
  const line = style.getPropertyValue("--line").trim(), none = "rgba(0,0,0,0)";
  for (const plot of document.querySelectorAll(".js-plotly-plot")) {
    const change = {"paper_bgcolor": none, "plot_bgcolor": none, "font.color": ink};
    for (const name of Object.keys(plot.layout)) if (/^[xy]axis/.test(name)) {
      change[name + ".gridcolor"] = line; change[name + ".linecolor"] = line;
      change[name + ".zerolinecolor"] = line;
    }
    Plotly.relayout(plot, change);
  }
};
dark.addEventListener("change", paint); addEventListener("load", paint);
"""


def write_page(file: Path, study: optuna.Study, search: Search) -> None:
    """Write the page, whole or not at all.

    Args:
        file: where.
        study: with at least one finished trial.
        search: what it searched.
    """
    from plotly.offline import get_plotlyjs

    parts = [f"<h1>{escape(search.name)}</h1>", f"<p>{escape(_lead(study, search))}</p>"]
    for title, figure in _figures(study, search):
        figure.update_layout(title=None, margin={"t": 20}, template="plotly_white", height=420)
        figure.update_layout(width=None, autosize=True)
        drawn = figure.to_html(full_html=False, include_plotlyjs=False, config=SHOWN)
        shown = f'<div class="scroll">{drawn}</div>'
        parts.append(f"<section><h2>{escape(title)}</h2>{shown}</section>")
    parts.append(f"<h2>All trials</h2>{_table(study, search)}")
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(search.name)}</title><link rel="icon" href="data:,">'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main>{''.join(parts)}</main><script>{SCRIPT}</script></body></html>\n"
    )
    RunFolder(file.parent).write_text(file.name, page)


def _lead(study: optuna.Study, search: Search) -> str:
    states = [trial.state for trial in study.trials]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    told = ", ".join(f"{count} {state.name.lower()}" for state, count in counts.items())
    return f"{len(states)} trials ({told}), judged by {search.monitor} alone; test events unused."


def _figures(study: optuna.Study, search: Search) -> list[tuple[str, Any]]:
    from optuna import visualization as draw

    done = len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    names = [search.monitor, *([search.also] if search.also else [])]
    found: list[tuple[str, Any]] = []
    if search.also:
        found.append(("Pareto front", draw.plot_pareto_front(study, target_names=names)))
    for at, name in enumerate(names):
        target: Callable[[Any], float] | None = (
            (lambda t, at=at: t.values[at]) if search.also else None
        )
        shared: dict[str, Any] = {"target": target, "target_name": name}
        found.append((f"{name} by trial", draw.plot_optimization_history(study, **shared)))
        if done > 1 and len(search.space.varied) > 1:
            title = f"What mattered for {name}"
            good = _to_be_small(search, at) if search.also else None
            with warnings.catch_warnings():  # that small values of a target count as good: they do
                warnings.filterwarnings("ignore", message="PedAnova")
                drawn = draw.plot_param_importances(study, target=good, target_name=name)
            found.append((title, drawn))
        found.append((f"{name} by setting", draw.plot_slice(study, **shared)))
    if search.also is None and done:
        found.append(("Learning curves", draw.plot_intermediate_values(study)))
    return found


def _to_be_small(search: Search, at: int) -> Callable[[Any], float]:
    """An objective, with the sign that makes small values the good ones."""
    sign = -1 if search.directions[at].name == "MAXIMIZE" else 1
    return lambda trial: sign * trial.values[at]


def _table(study: optuna.Study, search: Search) -> str:
    keys = list(search.space.varied)
    head = ["trial", "state", search.monitor, *([search.also] if search.also else []), *keys]
    rows = []
    for trial in study.trials:
        values = trial.user_attrs.get("values", trial.params)
        reached = [f"{value:.5g}" for value in trial.values or []]
        reached += ["" for _ in range(1 + bool(search.also) - len(reached))]
        settings = [str(values.get(key, "")) for key in keys]
        rows.append([str(trial.number), trial.state.name.lower(), *reached, *settings])
    cells = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{cells}</tbody></table>"
    return f'<div class="scroll">{table}</div>'
