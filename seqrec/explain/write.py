"""The files of an audit: JSON for programs, Markdown for people, Parquet for each user."""

from typing import Any

from seqrec.explain.audit import Audit
from seqrec.explain.estimates import CONTROLS
from seqrec.explain.fidelity import lower_is_better
from seqrec.run.audited import FILE, METRICS, weights_hash
from seqrec.run.folder import RunFolder

SHOWN = ("POS@5,Ke3", "POS@10,Ke3", "DEL@3", "INS@3", "CDCG@3")
LESS = ("POS@10,Ke3",)  # left out where there is little room: on a terminal
NAME = FILE.removesuffix(".json")


def write_audit(folder: RunFolder, found: Audit) -> None:
    """Write ``explanations.parquet``, ``.md`` and ``.json`` into the run's folder.

    Each is written atomically; the JSON, which other programs read, last.
    """
    content = {"weights": weights_hash(folder), **found.content}
    folder.write_table(f"{NAME}.parquet", found.users)
    folder.write_text(f"{NAME}.md", markdown(content))
    folder.write_json(FILE, content)


def markdown(content: dict[str, Any]) -> str:
    """Return the audit's tables."""
    return "\n".join(
        [
            "# How far explanations of this run can be trusted",
            "",
            f"Audited: the best item of each of {content['users']:,} test users of "
            f"{content['data']} (data hash {content['data_hash'][:12]}, seed {content['seed']}). "
            "POS@5,Ke3 is the share of users whose item stays among the first 5 when the 3 events "
            "of largest weight are deleted; lower is better, as it is for DEL and CDCG, and higher "
            "for INS. `random` and `recency` know nothing of the model. In brackets: 95 % "
            "intervals over users.",
            "",
            *table(content),
            "",
            *_notes(content),
            "## Against the controls",
            "",
            f"Differences in {main_metric(content)}, paired by user; p is adjusted by Holm over "
            "all rows.",
            "",
            *_differences(content),
            "",
            "## Do methods agree?",
            "",
            *_agreement(content),
            "",
            "## Randomised weights",
            "",
            "Rank correlation with the weights for a model whose head, encoder or item table is "
            "shuffled. Far from 0 (!): the weights stay related although that part is shuffled.",
            "",
            *_sanity(content),
            "",
            "## Which events matter",
            "",
            "Share of the absolute weight, by the distance from the end (1: the latest event).",
            "",
            *_overall(content, "by_distance", "distance"),
            *_by_category(content),
            *_by_column(content),
            "",
        ]
    )


def main_metric(content: dict[str, Any]) -> str:
    """Return the metric that methods are compared by: the first that has users."""
    found = content["methods"][CONTROLS[0]]["metrics"]
    return next((metric for metric in METRICS if metric in found), METRICS[0])


def rows_of(
    content: dict[str, Any], *, intervals: bool
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the main table: names of the columns, and cells by method, best method first."""
    main, planted = main_metric(content), content.get("planted")
    shown = [name for name in SHOWN if name in content["methods"][CONTROLS[0]]["metrics"]]
    shown = [name for name in shown if intervals or name not in LESS] or [main]
    methods = sorted(
        content["methods"].items(),
        key=lambda pair: pair[1]["metrics"].get(main, {}).get("mean", 2.0),
    )
    rows = []
    for name, method in methods:
        cells = [_mean(method["metrics"].get(metric), interval=intervals) for metric in shown]
        if planted:
            cells.append(f"{planted[name]['share']:.3f}")
        rows.append((name, [*cells, f"{1000 * method['seconds_per_user']:.0f}"]))
    return [*shown, *(["cause first"] if planted else []), "ms a user"], rows


def table(content: dict[str, Any]) -> list[str]:
    """Return the main table in Markdown."""
    head, rows = rows_of(content, intervals=True)
    return _table(["method", *head], [[f"`{name}`", *cells] for name, cells in rows])


def _notes(content: dict[str, Any]) -> list[str]:
    lines = [f"- `{name}` isn't in the table: {why}." for name, why in content["left_out"].items()]
    if planted := content.get("planted"):
        users = planted[CONTROLS[0]]["users"]
        lines.append(
            "- `cause first` is the share of users for whom the planted cause has the largest "
            f"weight; of the {users:,} whose item is the one that the rule makes the next."
        )
    for name, method in content["methods"].items():
        if method["complete"]:
            share = method["complete"]["share"]
            lines.append(f"- `{name}`: the weights sum to the score within 1 % for {share:.1%}.")
    return [*lines, ""] if lines else []


def _differences(content: dict[str, Any]) -> list[str]:
    main, rows = main_metric(content), []
    for name, method in content["methods"].items():
        for control, found in method["metrics"].get(main, {}).get("against", {}).items():
            verdict = "better" if (found["mean"] < 0) == lower_is_better(main) else "worse"
            verdict = "no difference shown" if found["p"] > 0.05 else verdict
            span = f"{found['mean']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"
            rows.append([f"`{name}`", f"`{control}`", span, f"{found['p']:.4f}", verdict])
    return _table(["method", "against", "difference", "p", ""], rows)


def _agreement(content: dict[str, Any]) -> list[str]:
    rows = [
        [f"`{a}`", f"`{b}`", _number(each["spearman"]), _number(each["top3"])]
        for each in content["agreement"]
        for a, b in [each["methods"]]
    ]
    return _table(["method", "and", "Spearman", "of the first 3 shared"], rows)


def _sanity(content: dict[str, Any]) -> list[str]:
    parts = list(dict.fromkeys(p for m in content["methods"].values() for p in m["sanity"]))
    if not parts:
        return ["A baseline has no weights to shuffle."]
    rows = []
    for name, method in content["methods"].items():
        if method["sanity"]:
            found = [method["sanity"][part] for part in parts]
            cells = [_number(each["spearman"]) + "!" * (not each["depends"]) for each in found]
            rows.append([f"`{name}`", *cells])
    return _table(["method", *parts], rows)


def _overall(content: dict[str, Any], key: str, head: str) -> list[str]:
    methods = list(content["methods"])
    rows = [
        [each["group"], f"{each['events']:.1%}", *(f"{each['weight'][m]:.1%}" for m in methods)]
        for each in content[key]
    ]
    return _table([head, "of the events", *(f"`{m}`" for m in methods)], rows)


def _by_category(content: dict[str, Any]) -> list[str]:
    if not content["by_category"]:
        return []
    rows = _overall(content, "by_category", content["category"])
    return ["", f"By {content['category']} of the item:", "", *rows]


def _by_column(content: dict[str, Any]) -> list[str]:
    if not content["by_column"]:
        return []
    columns = list(next(iter(content["by_column"].values())))
    rows = [
        [f"`{method}`", *(f"{share:.1%}" for share in shares.values())]
        for method, shares in content["by_column"].items()
    ]
    head = "By column, the parts that an event's vector is the sum of:"
    return ["", head, "", *_table(["method", *columns], rows)]


def _mean(found: dict[str, Any] | None, *, interval: bool) -> str:
    if found is None:
        return "-"
    ends = f" [{found['low']:.3f}, {found['high']:.3f}]" if interval else ""
    return f"{found['mean']:.3f}{ends}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
