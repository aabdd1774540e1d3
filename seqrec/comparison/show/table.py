"""A comparison as a table: for the terminal, Markdown, LaTeX and CSV."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from seqrec.comparison.estimate.rows import Comparison, Difference, Estimate, Row, Spread
from seqrec.terminal.spreadsheet import as_text
from seqrec.terminal.table import Table, styled

MINUS = "\N{MINUS SIGN}"
MARKDOWN = re.compile(r"[\\`*\[\]|~]|<(?=\S)|&(?=[#\w]+;)|(?<!\w)_|_(?!\w)")  # what is markup
LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "[": "{[}",  # after \\ it would be an argument
    **{c: f"${c}$" for c in "<>|"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    MINUS: "$-$",
    "Δ": r"$\Delta$",
}


@dataclass(frozen=True)
class Column:
    """A column of text."""

    header: str
    cells: list[str]
    best: int | None = None  # the row to print in bold
    right: bool = True


def columns(comparison: Comparison) -> list[Column]:
    """Build columns of labels, runs, metrics, and the first metric's difference."""
    rows, first = comparison.rows, comparison.metrics[0]
    made = [
        Column(key, [row.labels[at] for row in rows], right=False)
        for at, key in enumerate(comparison.by)
    ]
    made.append(Column("runs", [str(len(row.runs)) for row in rows]))
    for metric in comparison.metrics:
        estimates = [row.estimates[metric] for row in rows]
        means = [e.mean for e in estimates]
        made.append(Column(metric, [mean_sd(e) for e in estimates], means.index(max(means))))
        if metric == first:
            made.append(Column("95 % interval", [span(e) for e in estimates]))
    for metric in comparison.reported:  # no best row: higher isn't always better
        made.append(Column(metric, [mean_sd(row.reported[metric]) for row in rows]))
    if len(rows) > 1:
        differences = [row.difference for row in rows]
        made.append(Column(f"Δ {first}", [_delta(d) for d in differences]))
        made.append(Column("p (Holm)", ["" if d is None else p_text(d.p) for d in differences]))
    return made


def terminal(comparison: Comparison) -> Table:
    """Build a table for the terminal."""
    table = Table()
    made = columns(comparison)
    for column in made:
        table.add_column(column.header, right=column.right, no_wrap=True)
    for row in range(len(comparison.rows)):
        cells = [styled(c.cells[row], "bold green" if c.best == row else "") for c in made]
        table.add_row(*cells)
    return table


def markdown(comparison: Comparison) -> str:
    """Format a pipe table."""
    made = columns(comparison)
    lines = [
        _line("|", [_md(column.header) for column in made]),
        "|" + "|".join("---:" if column.right else "---" for column in made) + "|",
    ]
    for row in range(len(comparison.rows)):
        lines.append(_line("|", [_bold(c, row, "**{}**", _md) for c in made]))
    return "\n".join(lines) + "\n"


def latex(comparison: Comparison) -> str:
    """Format a tabular with the rules of booktabs."""
    made = columns(comparison)
    align = "".join("r" if column.right else "l" for column in made)
    lines = [
        f"\\begin{{tabular}}{{{align}}}",
        "\\toprule",
        " & ".join(_tex(column.header) for column in made) + r" \\",
        "\\midrule",
    ]
    for row in range(len(comparison.rows)):
        cells = [_bold(c, row, "\\textbf{{{}}}", _tex) for c in made]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def as_csv(comparison: Comparison) -> str:
    """Format every number in full, in its own column; texts are escaped for spreadsheets."""
    spread = [f"{m}{part}" for m in comparison.metrics for part in ("", " sd", " low", " high")]
    spread += [f"{m}{part}" for m in comparison.reported for part in ("", " sd")]
    difference = [f"difference{part}" for part in ("", " low", " high", " p")]
    schema: dict[str, Any] = dict.fromkeys(map(as_text, comparison.by), pl.String)
    schema["runs"] = pl.Int64
    schema |= dict.fromkeys(map(as_text, [*spread, *difference]), pl.Float64)
    rows = [[*map(as_text, row.labels), len(row.runs), *_numbers(row)] for row in comparison.rows]
    return pl.DataFrame(rows, schema=schema, orient="row").write_csv()


def notes(comparison: Comparison) -> list[str]:
    """Return notes on how to read the table."""
    events, users = comparison.events
    reference = comparison.rows[comparison.reference]
    lines = [
        f"{events:,} test events of {users:,} users; mean ± sd over runs; 95 % intervals over "
        "users and runs"
    ]
    if len(comparison.rows) > 1:
        how = "" if comparison.chosen else ", the best row: for a claim, choose it with reference="
        lines.append(f"Δ and p are against {reference.name}{how}")
    if comparison.reported:
        names = ", ".join(comparison.reported)
        lines.append(
            f"{names}: from the runs' metrics.json, without intervals; higher isn't always better"
        )
    single = sum(len(row.runs) == 1 for row in comparison.rows)
    if single:
        rows = "1 row has" if single == 1 else f"{single} rows have"
        lines.append(f"{rows} a single run, which doesn't show how results vary with the seed")
    if comparison.averaged:
        lines.append(f"rows are means over {', '.join(comparison.averaged)}")
    return lines


def mean_sd(estimate: Estimate | Spread) -> str:
    """Format ``mean ± sd``; for a single run, the mean."""
    if estimate.sd is None:
        return f"{estimate.mean:.4f}"
    return f"{estimate.mean:.4f} ± {estimate.sd:.4f}"


def span(estimate: Estimate | Difference, form: str = ".4f") -> str:
    """Format ``low to high``."""
    return f"{estimate.low:{form}} to {estimate.high:{form}}".replace("-", MINUS)


def signed(value: float) -> str:
    """Format a difference with its sign."""
    return f"{value:+.4f}".replace("-", MINUS)


def p_text(p: float) -> str:
    """Format a p-value."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _delta(difference: Difference | None) -> str:
    if difference is None:
        return "reference"
    return signed(difference.mean)


def _numbers(row: Row) -> list[float | None]:
    numbers: list[float | None] = []
    for e in row.estimates.values():
        numbers += [e.mean, e.sd, e.low, e.high]
    for reported in row.reported.values():
        numbers += [reported.mean, reported.sd]
    d = row.difference
    return numbers + ([None] * 4 if d is None else [d.mean, d.low, d.high, d.p])


def _bold(column: Column, row: int, form: str, escape: Callable[[str], str]) -> str:
    text = escape(column.cells[row])
    return form.format(text) if column.best == row else text


def _line(mark: str, cells: list[str]) -> str:
    return f"{mark} " + f" {mark} ".join(cells) + f" {mark}"


def _md(text: str) -> str:
    """Make Markdown show a text as it is."""
    return MARKDOWN.sub(r"\\\g<0>", " ".join(text.split("\n")))


def _tex(text: str) -> str:
    return re.sub(r".", lambda found: LATEX.get(found[0], found[0]), text)
