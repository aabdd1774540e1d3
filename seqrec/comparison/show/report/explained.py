"""Chart of how far explanations of the rows can be trusted, where runs were audited."""

from typing import Any

from seqrec.comparison.estimate.rows import Comparison
from seqrec.comparison.show.report.parts import SYMBOLS, escape, rows_layout, short, title_of
from seqrec.pages.chart import Chart, Sheet, Variant
from seqrec.run.audited import METRICS, Audited, read_audit
from seqrec.run.folder import RunFolder


def explained(comparison: Comparison) -> Chart:
    """Draw each method's fidelity by row, from the first run of the row that has an audit."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for at, row in enumerate(comparison.rows):
        audits = (read_audit(RunFolder(run.path)) for run in row.runs)
        audit = next((each for each in audits if each.content is not None), None)
        if audit is not None:
            found[title_of(row, at)] = _values(audit)
    return Chart(
        "explained",
        "How far explanations can be trusted",
        f"{METRICS[0]}: the share of users whose best item stays among the first 5 when the 3 "
        "events are deleted that a method weighs most; lower is better. A method that isn't left "
        "of random and recency explains nothing. The first audited run of each row is shown.",
        [_drawn(found)] if found else [],
    )


def _values(audit: Audited) -> dict[str, dict[str, Any]]:
    assert audit.content is not None
    methods = {name: audit.fidelity(name) for name in audit.content["methods"]}
    return {name: value for name, value in methods.items() if value.get("metric") == METRICS[0]}


def _drawn(found: dict[str, dict[str, dict[str, Any]]]) -> Variant:
    methods = list(dict.fromkeys(method for values in found.values() for method in values))
    data = []
    for at, method in enumerate(methods):
        rows = [name for name, values in found.items() if method in values]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [short(found[name][method]["value"]) for name in rows],
                "y": [escape(name) for name in rows],
                "name": method,
                "marker": {
                    "size": 11,
                    "color": f"@series{at % 8}",
                    "symbol": SYMBOLS[at % len(SYMBOLS)],
                },
                "hovertemplate": f"%{{y}}<br>{escape(method)}: %{{x:.3f}}<extra></extra>",
            }
        )
    layout = rows_layout(METRICS[0], "", len(found)) | {"showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    layout["margin"] |= {"t": 60}
    cells = [
        [name, *(f"{values[m]['value']:.3f}" if m in values else "-" for m in methods)]
        for name, values in found.items()
    ]
    return Variant(METRICS[0], {"data": data, "layout": layout}, Sheet(["row", *methods], cells))
