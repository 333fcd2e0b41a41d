"""One table with merged cells, in every format that has them.

| Route | Fare           |
|       | adult  | child |
| A     | 2      | 1     |
|       | none           |
"""

from __future__ import annotations

from tests import made_files as made
from tests import made_legacy as legacy

HTML = """<table><thead><tr><th rowspan="2">Route</th><th colspan="2">Fare</th></tr>
<tr><th>adult</th><th>child</th></tr></thead>
<tr><th rowspan="2">A</th><td>2</td><td>1</td></tr><tr><td colspan="2">none</td></tr></table>"""

ASCIIDOC = """|===
.2+|Route 2+|Fare
|adult |child
.2+|A |2 |1
2+|none
|==="""

RST = """
+-------+---------------+
| Route | Fare          |
|       +-------+-------+
|       | adult | child |
+=======+=======+=======+
| A     | 2     | 1     |
|       +-------+-------+
|       | none          |
+-------+---------------+
"""

DOCBOOK = """<book><title>Fares</title><table><tgroup cols="3"><colspec colname="a"/><colspec colname="b"/>
<colspec colname="c"/><thead>
<row><entry morerows="1">Route</entry><entry namest="b" nameend="c">Fare</entry></row>
<row><entry>adult</entry><entry>child</entry></row></thead><tbody>
<row><entry morerows="1">A</entry><entry>2</entry><entry>1</entry></row>
<row><entry namest="b" nameend="c">none</entry></row></tbody></tgroup></table></book>"""


def docx() -> bytes:
    header = "<w:trPr><w:tblHeader/></w:trPr>"
    begins, goes_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    two = '<w:gridSpan w:val="2"/>'
    rows = (
        header + _word("Route", begins) + _word("Fare", two),
        header + _word("", goes_on) + _word("adult") + _word("child"),
        _word("A", begins) + _word("2") + _word("1"),
        _word("", goes_on) + _word("none", two),
    )
    grid = f"<w:tblGrid>{'<w:gridCol/>' * 3}</w:tblGrid>"
    return made.docx(f"<w:tbl>{grid}{''.join(f'<w:tr>{row}</w:tr>' for row in rows)}</w:tbl>")


def _word(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{made.paragraph(text)}</w:tc>"


def pptx() -> bytes:
    across, down = _slide("", 'hMerge="1"'), _slide("", 'vMerge="1"')
    rows = (
        _slide("Route", 'rowSpan="2"') + _slide("Fare", 'gridSpan="2"') + across,
        down + _slide("adult") + _slide("child"),
        _slide("A", 'rowSpan="2"') + _slide("2") + _slide("1"),
        down + _slide("none", 'gridSpan="2"') + across,
    )
    table = (
        '<a:tbl><a:tblPr firstRow="1" firstCol="1"/>'
        "<a:tblGrid><a:gridCol/><a:gridCol/><a:gridCol/></a:tblGrid>"
        f"{''.join(f'<a:tr>{row}</a:tr>' for row in rows)}</a:tbl>"
    )
    return made.with_part_changed(
        made.pptx([("Fares", "words")]), "ppt/slides/slide1.xml", "</p:spTree>", f"{_frame(table)}</p:spTree>"
    )


def _slide(text: str, attributes: str = "") -> str:
    body = f"<a:bodyPr/><a:lstStyle/><a:p><a:r><a:t>{text}</a:t></a:r></a:p>"
    return f"<a:tc {attributes}><a:txBody>{body}</a:txBody><a:tcPr/></a:tc>"


def _frame(table: str) -> str:
    uri = "http://schemas.openxmlformats.org/drawingml/2006/table"
    return (
        '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="9" name="t"/><p:cNvGraphicFramePr/><p:nvPr/>'
        '</p:nvGraphicFramePr><p:xfrm><a:off x="0" y="0"/><a:ext cx="1" cy="1"/></p:xfrm>'
        f'<a:graphic><a:graphicData uri="{uri}">{table}</a:graphicData></a:graphic></p:graphicFrame>'
    )


def xlsx() -> bytes:
    rows = [[], ["", "Route", "Fare"], ["", "", "adult", "child"], ["", "A", "2", "1"], ["", "", "none"]]
    merged = "".join(f'<mergeCell ref="{place}"/>' for place in ("B2:B3", "C2:D2", "B4:B5", "C5:D5"))
    return made.with_part_changed(
        made.xlsx({"Empty": [], "Fares": rows}),
        "xl/worksheets/sheet2.xml",
        "</sheetData>",
        f"</sheetData><mergeCells>{merged}</mergeCells>",
    )


def open_document(kind: str) -> bytes:
    """An OpenDocument `text`, `spreadsheet` or `presentation`."""
    in_sheet = kind == "spreadsheet"
    heads = _open_row("Route/down", "Fare/across", "") + _open_row("", "adult", "child")
    if not in_sheet:
        heads = f"<table:table-header-rows>{heads}</table:table-header-rows>"
    columns = (
        "<table:table-header-columns><table:table-column/></table:table-header-columns>"
        '<table:table-column table:number-columns-repeated="2"/>'
    )
    body = _open_row("A/down", "2", "1") + _open_row("", "none/across", "")
    table = f'<table:table table:name="Fares">{columns}{heads}{body}</table:table>'
    around = "<draw:page><draw:frame>{}</draw:frame></draw:page>" if kind == "presentation" else "{}"
    return made.open_document(kind, around.format(table))


def _open_row(*cells: str) -> str:
    return f"<table:table-row>{''.join(map(_open_cell, cells))}</table:table-row>"


def _open_cell(cell: str) -> str:
    text, _, how = cell.partition("/")
    if not text:
        return "<table:covered-table-cell/>"
    spans = {"down": 'table:number-rows-spanned="2"', "across": 'table:number-columns-spanned="2"', "": ""}
    told = f'office:value-type="string" {spans[how]}'
    return f"<table:table-cell {told}><text:p>{text}</text:p></table:table-cell>"


def rtf() -> bytes:
    """Merged across both ways that there are: as a cell that is wider, and as two that are one."""
    header, once = "\\trhdr", "\\cellx2000\\cellx4000\\cellx6000"
    rows = (
        _rich(header + "\\clvmgf\\cellx2000\\clmgf\\cellx4000\\clmrg\\cellx6000", "Route", "Fare", ""),
        _rich(header + "\\clvmrg" + once, "", "adult", "child"),
        _rich("\\clvmgf" + once, "A", "2", "1"),
        _rich("\\clvmrg\\cellx2000\\cellx6000", "", "none"),
    )
    return f"{{\\rtf1\\ansi Fares\\par\n{''.join(rows)}\\pard End\\par}}".encode()


def _rich(row: str, *texts: str) -> str:
    cells = "".join(f"{text}\\cell " for text in texts)
    return f"\\trowd{row}\\pard\\intbl {cells}\\row\n"


def xls() -> bytes:
    rows = [["Route", "Fare", ""], ["", "adult", "child"], ["A", "2", "1"], ["", "none", ""]]
    return legacy.xls({"Fares": rows}, merged=[(0, 1, 0, 0), (0, 0, 1, 2), (2, 3, 0, 0), (3, 3, 1, 2)])


def pdf() -> bytes:
    """With a frame around each cell."""
    cells = (
        (0, 0, 2, 1, "Route"), (0, 1, 1, 2, "Fare"), (1, 1, 1, 1, "adult"), (1, 2, 1, 1, "child"),
        (2, 0, 2, 1, "A"), (2, 1, 1, 1, "2"), (2, 2, 1, 1, "1"), (3, 1, 1, 2, "none"),
    )  # fmt: skip
    drawn = (_framed(row, column, rows, columns, text) for row, column, rows, columns, text in cells)
    return made.drawn_pdf(["".join(drawn)])


def _framed(row: int, column: int, rows: int, columns: int, text: str) -> str:
    left, bottom = 70 + 100 * column, 700 - 36 * (row + rows)
    said = made.said(text, bottom + 18 * rows - 4, x=left + 6)
    return f"{said}{left} {bottom} {100 * columns} {36 * rows} re S\n"


def pdf_with_groups() -> bytes:
    """With a line above and below its header, and one below each text that stands over several columns."""
    texts = made.said("Summer", 670, x=250) + made.said("Winter", 670, x=430)
    rows = [("Route", "adult", "child", "adult", "child")]
    rows += [(f"Line {row}", f"2{row}", f"1{row}", f"3{row}", f"4{row}") for row in range(6)]
    for at, row in enumerate(rows):
        columns = zip((72, 200, 300, 380, 480), row, strict=True)
        texts += "".join(made.said(text, 645 - 16 * at, x=x) for x, text in columns)
    lines = [(72, 685, 520), (195, 664, 340), (375, 664, 520), (72, 640, 520), (72, 538, 520)]
    return made.drawn_pdf([texts + "".join(f"{x0} {y} m {x1} {y} l S\n" for x0, y, x1 in lines)])


def doc(before: str = "", after: str = "") -> bytes:
    """A Word 97 document with the table between two paragraphs."""
    rows = [
        (("Route", "Fare"), (900, 2700), (0x60, 0), True),
        (("", "adult", "child"), (900, 1800, 2700), (0x20, 0, 0), True),
        (("A", "2", "1"), (900, 1800, 2700), (0x60, 0, 0), False),
        (("", "none"), (900, 2700), (0x20, 0), False),
    ]
    text, said = f"{before}\r", [b""]
    for cells, edges, kinds, header in rows:
        text += "".join(f"{cell}\x07" for cell in cells) + "\x07"
        said += [legacy.IN_TABLE] * len(cells) + [legacy.end_of_row(edges, kinds, header=header)]
    return legacy.doc(text + after, said=[*said, b""])


def ppt() -> bytes:
    """A presentation of PowerPoint 97 with the table on its slide."""
    cells = [
        ((0, 0, 300, 200), "Route"),
        ((300, 0, 900, 100), "Fare"),
        ((300, 100, 600, 200), "adult"),
        ((600, 100, 900, 200), "child"),
        ((0, 200, 300, 400), "A"),
        ((300, 200, 600, 300), "2"),
        ((600, 200, 900, 300), "1"),
        ((300, 300, 900, 400), "none"),
    ]
    return legacy.ppt([("Fares", "words")], legacy.table_on_slide(cells))
