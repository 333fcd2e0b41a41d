"""A table comes as cells with row, column, span and header, whatever the format it was written in."""

from __future__ import annotations

import pytest
from tests import made_files as made
from tests import made_legacy as legacy
from tests import made_tables as tables
from tests.contract.test_readers import Desk

from docmill.adapters.readers.doc_tables import doc_tables
from docmill.domain.documents import Span, Table
from docmill.domain.text import to_markdown

ROWS = (("Route", "Fare", ""), ("", "adult", "child"), ("A", "2", "1"), ("", "none", ""))
SPANS = (Span(0, 0, 2, 1), Span(0, 1, 1, 2), Span(2, 0, 2, 1), Span(3, 1, 1, 2))
ROW_HEADER = ((2, 0),)

# How many header rows the format can tell of, and whether it can tell of headers of rows.
FILES = {
    "a.html": (f"<html><body><p>Fares</p>{tables.HTML}</body></html>".encode(), 2, ROW_HEADER),
    "a.eml": (
        f"Subject: Fares\nMIME-Version: 1.0\nContent-Type: text/html\n\n{tables.HTML}".encode(),
        2,
        ROW_HEADER,
    ),
    "a.mhtml": (
        b"Subject: Fares\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=b\n\n--b\n"
        + f"Content-Type: text/html\n\n<html><body>{tables.HTML}</body></html>\n--b--\n".encode(),
        2,
        ROW_HEADER,
    ),
    "a.epub": (made.epub(f"Fares</p>{tables.HTML}<p>"), 2, ROW_HEADER),
    "a.docx": (tables.docx(), 2, ()),
    "a.pptx": (tables.pptx(), 1, ROW_HEADER),
    "a.xlsx": (tables.xlsx(), 1, ()),
    "a.xls": (tables.xls(), 1, ()),
    "a.rtf": (tables.rtf(), 2, ()),
    "a.doc": (tables.doc(), 2, ()),
    "a.ppt": (tables.ppt(), 1, ()),
    "a.odt": (tables.open_document("text"), 2, ROW_HEADER),
    "a.ods": (tables.open_document("spreadsheet"), 1, ()),
    "a.odp": (tables.open_document("presentation"), 2, ROW_HEADER),
    "a.adoc": (f"= Fares\n\n{tables.ASCIIDOC}\n".encode(), 1, ()),
    "a.rst": (f"Fares\n=====\n{tables.RST}".encode(), 2, ()),
    "a.xml": (tables.DOCBOOK.encode(), 2, ()),
    "a.pdf": (tables.pdf(), 2, ()),
}


def table_in(desk: Desk, name: str, content: bytes | str) -> Table:
    (table,) = [block.table for block in desk.read(name, content).blocks if block.table is not None]
    return table


@pytest.mark.parametrize("name", FILES)
def test_merged_cells_and_headers_are_told(desk: Desk, name: str) -> None:
    content, header_rows, header_cells = FILES[name]
    assert table_in(desk, name, content) == Table(ROWS, header_rows, SPANS, header_cells)


def test_markdown_says_a_merged_cell_in_each_place_it_covers(desk: Desk) -> None:
    markdown = to_markdown(desk.read("a.html", FILES["a.html"][0]).blocks)
    assert markdown.splitlines()[2:] == [
        "| Route | Fare | Fare |",
        "| --- | --- | --- |",
        "| Route | adult | child |",
        "| A | 2 | 1 |",
        "| A | none | none |",
    ]


def html(rows: str) -> str:
    return f"<html><body><p>Words</p><table>{rows}</table></body></html>"


def test_a_span_never_reaches_out_of_its_table(desk: Desk) -> None:
    rows = "<tr><td rowspan=999999999>A</td><td>1</td></tr><tr><td colspan=999999999>2</td></tr>"
    assert table_in(desk, "a.html", html(rows)) == Table((("A", "1"), ("", "2")), 1, (Span(0, 0, 2, 1),))


def test_a_table_of_an_old_word_document_stands_between_its_paragraphs(desk: Desk) -> None:
    blocks = desk.read("a.doc", tables.doc("Fares of this year.", "Ask the pilot.")).blocks
    assert [block.text for block in blocks if not block.table] == ["Fares of this year.", "Ask the pilot."]
    assert [at for at, block in enumerate(blocks) if block.table] == [1]


def test_an_old_word_document_whose_rows_are_not_what_they_say_tells_their_cells_alone(desk: Desk) -> None:
    said = [legacy.IN_TABLE] * 2 + [legacy.end_of_row((900, 1800, 2700), (0, 0, 0))]
    text = "A\x07B\x07\x071\x07\x13 HYPERLINK x \x14link\x15\x07\x07"
    table = table_in(desk, "a.doc", legacy.doc(text, said=[*said, *said, b""]))
    assert table == Table((("A", "B"), ("1", "link")))


def test_a_table_of_names_and_values_has_headers_of_rows_alone(desk: Desk) -> None:
    rows = "<tr><th>Name</th><td>Anna</td></tr><tr><th>Seats</th><td>20</td></tr>"
    named = table_in(desk, "a.html", html(rows))
    assert named == Table((("Name", "Anna"), ("Seats", "20")), 0, (), ((0, 0), (1, 0)))


def test_cells_that_lie_upon_one_another_tell_no_spans(desk: Desk) -> None:
    rows = "<tr><td>1</td><td rowspan=2>2</td></tr><tr><td colspan=2>3</td></tr>"
    assert table_in(desk, "a.html", html(rows)).spans == ()


def test_hidden_rows_leave_the_spans_of_the_others_right(desk: Desk) -> None:
    rows = (
        "<tr><td rowspan=3>A</td><td>1</td></tr><tr><td style='display:none'>2</td></tr><tr><td>3</td></tr>"
    )
    read = desk.read("a.html", html(rows))
    assert [block.text for block in read.blocks] == ["Words", "A | 1\n | 3", "2"]
    assert read.blocks[1].table == Table((("A", "1"), ("", "3")), 1, (Span(0, 0, 2, 1),))


def test_a_table_in_a_cell_leaves_no_marks_behind(desk: Desk) -> None:
    inner = "<table><tr><td colspan=2>in</td></tr><tr><td>a</td><td>b</td></tr></table>"
    read = desk.read("a.html", html(f"<tr><td rowspan=2>1</td><td>{inner}</td></tr><tr><td>2</td></tr>"))
    assert not any("\ue000" <= character <= "\uf8ff" for character in read.text)


def test_merged_cells_of_a_long_sheet_stay_with_their_rows(desk: Desk) -> None:
    rows = [["Port", "Ferry"], *([f"P{n}", f"F{n}"] for n in range(120))]
    rows[101][0] = ""  # covered by the cell above it
    book = made.with_part_changed(
        made.xlsx({"Ports": rows}),
        "xl/worksheets/sheet1.xml",
        "</sheetData>",
        '</sheetData><mergeCells><mergeCell ref="A101:A102"/></mergeCells>',
    )
    pieces = [block.table for block in desk.read("a.xlsx", book).blocks if block.table]
    assert [table.rows[0] for table in pieces] == [("Port", "Ferry")] * 3
    assert [table.spans for table in pieces] == [(), (), (Span(1, 0, 2, 1),)]
    assert pieces[2].rows[1:3] == (("P99", "F99"), ("", "F100"))


def test_a_sheet_whose_merged_cell_hides_a_text_tells_no_span_there(desk: Desk) -> None:
    book = made.with_part_changed(
        made.xlsx({"Ports": [["A", "B"], ["1", "2"]]}),
        "xl/worksheets/sheet1.xml",
        "</sheetData>",
        '</sheetData><mergeCells><mergeCell ref="A1:B1"/></mergeCells>',
    )
    assert table_in(desk, "a.xlsx", book) == Table((("A", "B"), ("1", "2")))


def test_an_old_word_document_of_more_text_than_its_file_holds_tells_no_tables() -> None:
    said = [legacy.IN_TABLE, legacy.IN_TABLE, legacy.end_of_row((900, 1800), (0, 0)), b""]
    once, often = (legacy.doc("A\x07B\x07\x07", said=said, times=times) for times in (1, 2_000))
    assert [table.rows for table in doc_tables(once)] == [(("A", "B"),)]
    assert doc_tables(often) == []


def test_a_slide_of_nothing_but_a_table_is_called_by_its_number(desk: Desk) -> None:
    cells = [((0, 0, 9, 5), "Port"), ((9, 0, 20, 5), "Ferry"), ((0, 5, 9, 9), "A"), ((9, 5, 20, 9), "")]
    heading, table = desk.read("a.ppt", legacy.ppt([("", "")], legacy.table_on_slide(cells))).blocks
    assert heading.text == "Slide 1"
    assert table.table == Table((("Port", "Ferry"), ("A", "")))


def test_a_table_in_a_hundred_groups_of_a_slide_stays_text(desk: Desk) -> None:
    table = legacy.table_on_slide([((0, 0, 9, 5), "Port"), ((9, 0, 20, 5), "Ferry")])
    read = desk.read("a.ppt", legacy.ppt([("Lines", "kept")], legacy.nested(table, 100)))
    assert [block.text for block in read.blocks] == ["Lines", "kept", "Port", "Ferry"]


@pytest.mark.parametrize("attribute", ["rowspan", "colspan", "morerows"])
def test_a_cell_that_claims_a_number_of_thousands_of_digits_is_a_cell_all_the_same(
    desk: Desk, attribute: str
) -> None:
    cell = f'<td {attribute}="{"9" * 5_000}">a</td>'
    table = table_in(desk, "a.xml", f"<article><table><tr>{cell}<td>b</td></tr></table></article>")
    assert [text for row in table.rows for text in row if text] == ["a", "b"]


def test_a_header_of_a_pdf_reaches_from_the_line_above_it_to_the_line_below(desk: Desk) -> None:
    table = table_in(desk, "a.pdf", tables.pdf_with_groups())
    assert table.rows[:3] == (
        ("Route", "Summer", "", "Winter", ""),
        ("", "adult", "child", "adult", "child"),
        ("Line 0", "20", "10", "30", "40"),
    )
    assert (table.header_rows, len(table.rows)) == (2, 8)
    assert table.spans == (Span(0, 0, 2, 1), Span(0, 1, 1, 2), Span(0, 3, 1, 2))


def test_a_header_of_a_pdf_is_told_once(desk: Desk) -> None:
    text = desk.read("a.pdf", tables.pdf_with_groups()).text
    assert [text.count(word) for word in ("Route", "Summer", "Winter", "adult", "child")] == [1, 1, 1, 2, 2]


def test_a_pdf_without_lines_tells_no_merged_cells(desk: Desk) -> None:
    plain = tables.pdf_with_groups().replace(b" l S", b" l n")
    spans = [block.table.spans for block in desk.read("a.pdf", plain).blocks if block.table]
    assert spans
    assert not any(spans)


def test_a_workbook_of_records_that_claim_too_much_tells_no_merged_cells(desk: Desk) -> None:
    book = legacy.xls({"Fares": [["A", "B"], ["1", "2"]]}, merged=[(0, 65_535, 0, 65_535)] * 1_000)
    assert table_in(desk, "a.xls", book) == Table((("A", "B"), ("1", "2")))


def test_marks_that_a_rich_text_brings_along_are_no_cells(desk: Desk) -> None:
    forged = tables.rtf().replace(b" none", b" \\u-2398?0,0,9,9,1\\u63139?none")
    assert table_in(desk, "a.rtf", forged).spans == SPANS


def test_rows_of_rich_text_that_are_not_as_they_are_said_to_be_tell_no_merged_cells(desk: Desk) -> None:
    table = table_in(desk, "a.rtf", tables.rtf().replace(b" adult\\cell", b" adult"))
    assert table.spans == ()
    assert table.rows[0][:2] == ("Route", "Fare")
