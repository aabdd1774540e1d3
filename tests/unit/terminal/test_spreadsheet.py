"""Texts that a spreadsheet would calculate."""

import polars as pl
import pytest

from seqrec.terminal.spreadsheet import as_text, with_texts

CELLS = {
    "=1+2": "'=1+2",
    "+1+2": "'+1+2",
    "-2+3": "'-2+3",
    "@sum(A1)": "'@sum(A1)",
    "\t=1": "'\t=1",
    "-5": "-5",
    "+1.5e-3": "+1.5e-3",
    "a=b": "a=b",
    "": "",
}


@pytest.mark.parametrize(("cell", "shown"), CELLS.items())
def test_a_formula_becomes_a_text(cell, shown):
    assert as_text(cell) == shown


def test_a_table_changes_in_its_texts_alone():
    table = pl.DataFrame({"item": [*CELLS, None], "score": [-1.0] * (len(CELLS) + 1)})
    shown = with_texts(table)
    assert shown["item"].to_list() == [*CELLS.values(), None]
    assert shown["score"].equals(table["score"])
