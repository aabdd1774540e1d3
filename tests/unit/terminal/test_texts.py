"""Texts of users are printed exactly as they are, wherever they stand."""

import ast
import io
from types import SimpleNamespace

import polars as pl
import pytest
import rich
from helpers import ROOT
from rich.console import Console as RichConsole

from seqrec.benchmark.report import Line
from seqrec.benchmark.report import table as benchmark_table
from seqrec.commands.recommend import history_table, list_table
from seqrec.commands.reproduce import difference_table, environment_table
from seqrec.errors import DataError
from seqrec.experiment.sweep import Job, sweep_table
from seqrec.terminal import console as printed
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.say import say
from seqrec.terminal.table import Table

TEXTS = ["[unknown]", ":smile:", "[/x]", "Cable [/with plug] 2 m", "[bold]a[/]", "A:100:B", "\\[a]"]


def on_any_console(shown) -> str:
    """What a console of somebody else shows, which reads markup and emoji codes."""
    out = RichConsole(file=io.StringIO(), width=300)
    out.print(shown)
    return out.file.getvalue()


def recommended(text: str) -> list[Table]:
    row = {"rank": [1], "item": [text], "title": [text], "score": [0.5], "attention": [0.5]}
    return [history_table(pl.DataFrame(row)), list_table(pl.DataFrame(row))]


def swept(text: str) -> Table:
    return sweep_table([Job(ROOT, text, {"fit_seconds": 1.0}, "", elsewhere=False)], [text])


def reproduced(text: str) -> list[Table]:
    different = SimpleNamespace(name=text, then=text, now=text, size=1.0)
    return [environment_table({text: (text, "now")}), difference_table([different])]


@pytest.mark.parametrize("text", TEXTS)
def test_every_table_shows_a_text_as_it_is(text):
    own = Table(text)
    own.add_column(text)
    tables = [
        own,
        *recommended(text),
        swept(text),
        *reproduced(text),
        benchmark_table([Line(text, text, 1.0)]),
        printed.result_table({text: {text: 0.5}}, [text], head=text),
    ]
    for table in tables:
        assert text in on_any_console(table) and text in printed.plain(table)


@pytest.mark.parametrize("text", TEXTS)
def test_every_line_shows_a_text_as_it_is(text, capsys):
    out = printed.console()
    printed.print_line(out, "label", text)
    out.print(text)
    with progress_bar("{task.description}", out=out) as progress:
        progress.add_task(text)
    assert capsys.readouterr().out.count(text) >= 2
    with pytest.raises(SystemExit), plain_errors():
        say(text)
        raise DataError(text, where=text, todo=text)
    assert capsys.readouterr().err.count(text) == 4


def test_rows_that_differ_in_brackets_look_different():
    jobs = [
        Job(ROOT, f"embedding.features=[{name}]", {"fit_seconds": 1.0}, "", elsewhere=False)
        for name in ("kind", "brand")
    ]
    shown = printed.plain(sweep_table(jobs, []))
    assert "features=[kind]" in shown and "features=[brand]" in shown


def test_no_other_room_uses_rich():
    """Whoever prints by the terminal's room can't have a text read as markup."""
    for file in sorted((ROOT / "seqrec").rglob("*.py")):
        if file.parent.name == "terminal":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            names = [n.name for n in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert rich.__name__ not in {name.split(".")[0] for name in names}, file
