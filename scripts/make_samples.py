"""Builds the sample documents that cannot be written by hand: PDF, DOCX, XLSX, PPTX, a scan and the long CSV.

The other samples are plain text and are edited in place in `samples/ferry/`. The result is the same to
the byte on every run, so that the documents keep their ids. It needs these packages, of
which docmill itself has Pillow only: `fpdf2==2.8.9 pillow==13.0.0 python-docx==1.2.0 python-pptx==1.0.2
XlsxWriter==3.3.1`. Run it in an
environment of its own:

    python scripts/make_samples.py
"""

from __future__ import annotations

import csv
import math
import random
import zipfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path

import docx
import pptx
import xlsxwriter
from docx.opc.coreprops import CoreProperties
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from PIL import Image, ImageDraw, ImageFont
from pptx.parts.coreprops import CorePropertiesPart

ROOT = Path(__file__).resolve().parent.parent
TEXTS = ROOT / "scripts" / "sample_texts"
OUT = ROOT / "samples" / "ferry"
AUTHOR = "Wendle Ferry Cooperative"
WRITTEN = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
NAIVE = WRITTEN.replace(tzinfo=None)  # the Office libraries take dates without a zone
LANDINGS = ("Millgate", "Osier Island", "Sallow Quay", "Hythe End")
WENT_WELL = [
    "Kingfisher completed her first full year without a day lost to the battery",
    "Friday evening sailings to Sallow Quay paid for themselves from June on",
    "Nine new members joined, four of them under thirty",
]
DID_NOT = [
    "High water stopped more than half of the calls for two weeks in February",
    "Dipper spent five weeks on the slipway with a cracked stern gland",
    "The ticket machine at Hythe End failed eleven times and was taken away in September",
]


@dataclass(frozen=True, slots=True)
class Week:
    """One landing in one week: `cancelled` counts sailings, `boarded` people, `bicycles` bicycles."""

    starting: date
    landing: str
    run: int
    cancelled: int
    boarded: int
    bicycles: int


def weeks_of_2025() -> list[Week]:
    """52 weeks at four landings: busy summers, a flood in February, quiet Januaries."""
    chance = random.Random(1987)  # the same invented figures every time
    first = date(2025, 1, 6)
    mondays = [first + timedelta(weeks=n) for n in range(52)]
    return [_week(monday, landing, chance) for monday in mondays for landing in LANDINGS]


def _week(monday: date, landing: str, chance: random.Random) -> Week:
    share = {"Millgate": 1.0, "Osier Island": 0.35, "Sallow Quay": 0.8, "Hythe End": 0.55}[landing]
    warmth = 0.5 - 0.5 * math.cos(2 * math.pi * (monday.timetuple().tm_yday - 15) / 365)
    flood = monday in (date(2025, 2, 10), date(2025, 2, 17))
    planned = 112 if warmth > 0.4 else 84
    cancelled = round(planned * (0.6 if flood else 0.04 * chance.random()))
    boarded = round((planned - cancelled) * share * (2.2 + 4.5 * warmth) * (0.9 + 0.2 * chance.random()))
    return Week(monday, landing, planned - cancelled, cancelled, boarded, round(boarded * 0.22 * warmth))


def write_passengers(weeks: list[Week], path: Path) -> None:
    """One row a week and landing."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(
            ["week_starting", "landing", "sailings_run", "sailings_cancelled", "boarded", "bicycles"]
        )
        rows.writerows(map(astuple, weeks))


class Handbook(FPDF):
    """A4 pages with a running header and a page number."""

    def header(self) -> None:
        """The running title."""
        self._running(12, "Crew Handbook - Wendle Ferry Cooperative", "R")

    def footer(self) -> None:
        """The page number."""
        self._running(-15, f"Edition of March 2026 - page {self.page_no()}", "C")

    def _running(self, y: float, text: str, align: str) -> None:
        self.set_y(y)
        self.set_font("Helvetica", "I", 8)
        self.cell(0, 5, text, align=align, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.ln(8)


def write_handbook(source: Path, path: Path) -> None:
    """Pages are separated by `---`; a page between `:::` lines is set in two columns."""
    pdf = Handbook(format="A4")
    pdf.set_title("Crew Handbook")
    pdf.set_author(AUTHOR)
    pdf.set_creation_date(WRITTEN)
    pdf.set_margins(22, 20)
    pdf.set_auto_page_break(True, 22)
    for number, page in enumerate(source.read_text(encoding="utf-8").split("\n---\n")):
        pdf.add_page()
        if number == 0:
            _pdf_line(pdf, "Crew Handbook", 24, bold=True)
        _pdf_columns(pdf, page) if ":::" in page else _pdf_page(pdf, page)
    pdf.output(str(path))


def _paragraphs(page: str) -> Iterator[str]:
    for paragraph in page.split("\n\n"):
        text = paragraph.strip()
        if text and not text.startswith(":::"):
            yield text


def _heading(paragraph: str) -> tuple[int, str]:
    """The level (0 for no heading) and the text."""
    mark, _, text = paragraph.partition(" ")
    return (len(mark), text) if set(mark) == {"#"} else (0, paragraph)


def _pdf_page(pdf: FPDF, page: str) -> None:
    for paragraph in _paragraphs(page):
        level, text = _heading(paragraph)
        if level:
            _pdf_line(pdf, text, 20 - 3 * level, bold=True)
        elif text.startswith("|"):
            _pdf_table(pdf, text)
        elif text.startswith("- "):
            _pdf_line(pdf, text.replace("- ", "\x95  ", 1).replace("\n- ", "\n\x95  "), 11)
        else:
            _pdf_line(pdf, text, 11)


def _pdf_line(pdf: FPDF, text: str, size: float, *, bold: bool = False) -> None:
    pdf.set_font("Helvetica", "B" if bold else "", size)
    pdf.multi_cell(0, size * 0.5, text, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(3)


def _pdf_table(pdf: FPDF, text: str) -> None:
    pdf.set_font("Helvetica", "", 10)
    with pdf.table(padding=1.5, text_align="LEFT") as table:
        for line in text.splitlines():
            table.row([cell.strip() for cell in line.strip("|").split("|")])
    pdf.ln(5)


def _pdf_columns(pdf: FPDF, page: str) -> None:
    with pdf.text_columns(ncols=2, gutter=8, balance=True) as columns:
        for paragraph in _paragraphs(page):
            level, text = _heading(paragraph)
            size = 20 - 3 * level if level else 10.5
            pdf.set_font("Helvetica", "B" if level else "", size)
            with columns.paragraph(line_height=1.3, bottom_margin=2.5) as block:
                block.write(text)


def write_minutes(source: Path, path: Path) -> None:
    """Headings, paragraphs, lists and tables in the styles of Word."""
    document = docx.Document()
    _stamp(document.core_properties, "Minutes of the members' meeting")
    for paragraph in _paragraphs(source.read_text(encoding="utf-8")):
        level, text = _heading(paragraph)
        if level:
            document.add_heading(text, level)
        elif text.startswith("|"):
            _docx_table(document, text)
        elif text.startswith("- "):
            for item in text.removeprefix("- ").split("\n- "):
                document.add_paragraph(item, style="List Bullet")
        else:
            document.add_paragraph(text)
    document.save(str(path))


def _docx_table(document: docx.document.Document, text: str) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    table = document.add_table(len(rows), len(rows[0]), style="Table Grid")
    for row, values in zip(table.rows, rows, strict=True):
        for cell, value in zip(row.cells, values, strict=True):
            cell.text = value


def write_timetable(path: Path) -> None:
    """One sheet for weekdays and one for weekends; a boat goes down the river and comes up again."""
    book = xlsxwriter.Workbook(str(path))
    book.set_properties({"title": "Summer timetable 2026", "author": AUTHOR, "created": NAIVE})
    bold = book.add_format({"bold": True})
    for name, first, last, every in (("Weekdays", 400, 1240, 80), ("Weekends", 480, 1320, 70)):
        sheet = book.add_worksheet(name)
        sheet.set_column(0, 6, 14)
        sheet.write_row(0, 0, ["Sailing", "Direction", "Boat", *LANDINGS], bold)
        for row, values in enumerate(_sailings(range(first, last + 1, every)), start=1):
            sheet.write_row(row, 0, values)
    book.close()


def _sailings(starts: range) -> Iterator[list[str | int]]:
    boats = ("Kingfisher", "Heron", "Dipper")
    for number, start in enumerate(starts):
        down = [start + after for after in (0, 8, 17, 29)]
        up = [start + 35 + after for after in (29, 21, 12, 0)]
        boat = boats[number % len(boats)]
        yield [2 * number + 1, "downstream", boat, *map(_clock, down)]
        yield [2 * number + 2, "upstream", boat, *map(_clock, up)]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def write_review(weeks: list[Week], path: Path) -> None:
    """Five slides; the figures are sums over the weeks of the CSV file."""
    show = pptx.Presentation()
    _stamp(show.core_properties, "Season review 2025")
    title = show.slides.add_slide(show.slide_layouts[0])
    title.shapes.title.text = "Season review 2025"
    title.placeholders[1].text = "Members' meeting, 12 March 2026"
    for heading, lines in _review_slides(weeks):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = heading
        slide.placeholders[1].text_frame.text = "\n".join(lines)
    _slide_table(show, weeks)
    show.save(str(path))


def _review_slides(weeks: list[Week]) -> Iterator[tuple[str, list[str]]]:
    run, cancelled = sum(w.run for w in weeks), sum(w.cancelled for w in weeks)
    by_week = {monday: sum(w.boarded for w in rows) for monday, rows in groupby(weeks, lambda w: w.starting)}
    best = max(by_week, key=lambda monday: by_week[monday])
    figures = [
        f"{sum(w.boarded for w in weeks):,} passengers boarded at the four landings",
        f"{sum(w.bicycles for w in weeks):,} bicycles travelled with them",
        f"{cancelled:,} of {run + cancelled:,} planned calls were cancelled",
        f"The busiest week began on {best.day} {best:%B} with {by_week[best]:,} passengers",
    ]
    yield "The year in figures", figures
    yield "What went well", WENT_WELL
    yield "What did not", DID_NOT


def _slide_table(show: pptx.presentation.Presentation, weeks: list[Week]) -> None:
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Passengers by landing"
    box = (pptx.util.Inches(n) for n in (1, 2, 8, 3))
    table = slide.shapes.add_table(len(LANDINGS) + 1, 3, *box).table
    rows = [("Landing", "Passengers", "Bicycles")]
    for landing in LANDINGS:
        here = [w for w in weeks if w.landing == landing]
        rows.append((landing, f"{sum(w.boarded for w in here):,}", f"{sum(w.bicycles for w in here):,}"))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            table.cell(r, c).text = value


def _stamp(properties: CoreProperties | CorePropertiesPart, title: str) -> None:
    properties.title, properties.author, properties.last_modified_by = title, AUTHOR, AUTHOR
    properties.created = properties.modified = NAIVE


def freeze(path: Path) -> None:
    """Write a zip file anew with one fixed date, so that the same content gives the same bytes."""
    with zipfile.ZipFile(path) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, date_time=WRITTEN.timetuple()[:6])
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 9)


NOTICE = (
    "# Notice to passengers",
    "The landing at Hythe End is closed from 4 to 22 May 2026.",
    "The pontoon is lifted out of the water, because its chains",
    "have worn thin, and is painted while it is ashore.",
    "",
    "Until then all sailings to Hythe End call at Sallow Quay,",
    "and a minibus waits there for every boat. It is free with",
    "a ferry ticket and takes two bicycles.",
)


def write_notice(path: Path) -> None:
    """A notice from the board on the quay, as a scanner gives it: nothing but pixels, and not quite level."""
    page, dpi, top = Image.new("L", (1200, 850), 255), 150, 70
    pen = ImageDraw.Draw(page)
    for line in NOTICE:
        size = 54 if line.startswith("# ") else 30
        pen.text((90, top), line.removeprefix("# "), fill=20, font=ImageFont.load_default(size))
        top += 2 * size + (30 if size > 40 else 0)
    skew = page.rotate(1.5, Image.Resampling.BICUBIC, fillcolor=255)
    skew.point(lambda grey: 255 if grey > 140 else 0).convert("1").save(path, dpi=(dpi, dpi), optimize=True)


def main() -> None:
    """Write every generated sample."""
    OUT.mkdir(parents=True, exist_ok=True)
    weeks = weeks_of_2025()
    write_passengers(weeks, OUT / "passengers.csv")
    write_handbook(TEXTS / "handbook.md", OUT / "handbook.pdf")
    write_minutes(TEXTS / "minutes.md", OUT / "minutes.docx")
    write_timetable(OUT / "timetable.xlsx")
    write_review(weeks, OUT / "season-review.pptx")
    write_notice(OUT / "landing-closed.png")
    for name in ("minutes.docx", "timetable.xlsx", "season-review.pptx"):
        freeze(OUT / name)


if __name__ == "__main__":
    main()
