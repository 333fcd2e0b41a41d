"""Tables as cells with places: laid out, brought together, and cut between rows."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from docmill.adapters.readers.cell_marks import LONGEST_SPAN, counted
from docmill.domain.cells import Cell, Layout, cells_of, cut_rows, table_of
from docmill.domain.documents import Span, Table

LONG = Table(
    (("name", "fare"), ("A", "1"), ("", "2"), ("B", "3"), ("", "4")),
    1,
    (Span(1, 0, 2, 1), Span(3, 0, 2, 1)),
    ((1, 0), (3, 0)),
)


def test_a_cell_stands_at_the_first_free_place_of_its_row() -> None:
    layout = Layout()
    layout.next_row()
    assert [layout.place(2, 1), layout.place(1, 2)] == [(0, 0), (0, 1)]
    layout.next_row()
    assert [layout.place(), layout.place()] == [(1, 1), (1, 2)]
    layout.next_row()
    assert layout.place() == (2, 0)


def test_no_cell_hangs_out_of_its_group() -> None:
    layout = Layout()
    layout.place(9, 1)
    layout.end_group()
    layout.next_row()
    assert layout.place() == (1, 0)


def test_a_trap_of_hanging_cells_is_given_up_soon() -> None:
    layout, started = Layout(), time.process_time()
    for _ in range(10_000):
        layout.place(10**9, 1)
    for _ in range(100_000):
        layout.next_row()
    assert layout.lost
    assert time.process_time() - started < 5


def test_spans_end_where_their_table_ends() -> None:
    table = table_of([Cell(0, 0, 10**9, 1, text="A"), Cell(0, 1, 1, 10**9, text="1"), Cell(1, 1, text="2")])
    assert table == Table((("A", "1"), ("", "2")), 1, (Span(0, 0, 2, 1),))


def test_rows_and_columns_where_no_cell_begins_are_left_out() -> None:
    wide = [Cell(0, 0, 1, 500, text="A"), Cell(0, 500, text="B"), Cell(7, 0, 1, 2, text="C")]
    assert table_of(wide) == Table((("A", "B"), ("C", "")), 1)


def test_two_cells_upon_one_another_and_a_table_of_too_many_places_are_none() -> None:
    assert table_of([Cell(0, 0, 2, 2, text="A"), Cell(0, 1, text="B"), Cell(1, 1, text="C")]) is None
    assert table_of([Cell(at, at, text="x") for at in range(2_000)]) is None


def test_the_header_is_what_the_cells_say_or_the_first_row() -> None:
    heads = [Cell(0, 0, header=True, text="a"), Cell(0, 1, header=True, text="b")]
    rows = [Cell(1, 0, header=True, text="c"), Cell(1, 1, text="d")]
    told = table_of([*heads, *rows])
    assert told is not None
    assert (told.header_rows, told.header_cells) == (1, ((1, 0),))
    plain = table_of([Cell(0, 0, text="a"), Cell(1, 0, text="b")])
    assert plain is not None
    assert plain.header_rows == 1


def test_a_part_of_a_table_has_the_header_and_its_own_spans() -> None:
    assert cut_rows(LONG, 0, 9) == LONG
    assert cut_rows(LONG, 3, 5) == Table(
        (("name", "fare"), ("B", "3"), ("", "4")), 1, (Span(1, 0, 2, 1),), ((1, 0),)
    )
    cut_through = cut_rows(LONG, 1, 2)
    assert (cut_through.rows, cut_through.spans) == ((("name", "fare"), ("A", "1")), ())


@st.composite
def tables(draw: st.DrawFn) -> list[Cell]:
    """The cells of a table as HTML tells it, all with text."""
    layout, cells = Layout(), []
    for _ in range(draw(st.integers(1, 5))):
        layout.next_row()
        for _ in range(draw(st.integers(1, 5))):
            rows, columns = draw(st.integers(1, 3)), draw(st.integers(1, 3))
            cells.append(Cell(*layout.place(rows, columns), rows, columns, draw(st.booleans()), "x"))
    return cells


@given(tables())
def test_a_table_and_its_cells_say_the_same(cells: list[Cell]) -> None:
    table = table_of(cells)
    if table is not None:
        assert [cell.text for cell in cells_of(table) if cell.text] == ["x"] * len(cells)
        assert table_of(cells_of(table), table.header_rows) == table


def test_the_number_of_places_a_file_claims_is_bounded_however_long_it_is() -> None:
    assert [counted(value) for value in ("3", "0", "-2", "two", "")] == [3, 1, 1, 1, 1]
    assert counted("9" * 5000) == counted("9" * 9) == LONGEST_SPAN
    assert counted("0", least=0) == 0
