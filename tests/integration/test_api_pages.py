"""Pages of documents over the API: their facts, their text, what is doubtful in it, their pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from PIL import Image
from tests import made_files as made
from tests.pages import put_pages
from tests.servers import Databases
from tests.serving import Served, problem, serving

from docmill.domain.documents import Page, PageLoss, TextSource, Word

TEXTS = (
    "Dogs travel on a leash.\nThey sit on the lower deck.",
    "Bicycles travel free.\nThey stand on the upper deck.",
    "Seats are on both decks.\nThe crew counts them.",
)
WORDS = (
    Word("Bicycles", 0.98, 72, 80, 128, 94),
    Word("trave1", 0.41, 132, 80, 170, 94),
    Word("frec", 0.47, 174, 80, 196, 94),
)
PAGES = (
    Page(1, 612, 792),
    Page(2, 612, 792, source=TextSource.OCR, ocr_reason="no_text", confidence=0.62, words=WORDS),
    Page(3, 612, 792, source=TextSource.NONE, missing=PageLoss("reader_crashed", "The reader crashed.")),
)


@dataclass
class Library:
    """An API with a PDF of three pages and a text, which has none."""

    api: Served
    pdf: str
    text: str

    def url(self, number: int | None = None, more: str = "") -> str:
        """The address of the PDF's pages, or of one of them."""
        page = "" if number is None else f"/{number}"
        return f"/api/v1/documents/{self.pdf}/pages{page}{more}"


@pytest.fixture(scope="module")
def library(
    databases: Databases, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Library]:
    with databases.fresh() as url, serving(url, broker_url, tmp_path_factory.mktemp("pages")) as api:
        api.here.start("worker")
        pdf = api.publish("rules.pdf", made.pdf(TEXTS))
        put_pages(api.here, UUID(pdf), PAGES)
        yield Library(api, pdf, api.publish("a.txt", b"The ferry leaves at eight."))


def test_the_pages_are_listed_in_parts(library: Library) -> None:
    first = library.api.client.get(library.url(), params={"limit": 2}).json()
    rest = library.api.client.get(library.url(), params={"cursor": first["next_cursor"]}).json()

    assert [page["number"] for page in first["items"] + rest["items"]] == [1, 2, 3]
    assert rest["next_cursor"] is None
    assert first["items"][1] == {
        "number": 2,
        "width": 612,
        "height": 792,
        "rotation": 0,
        "source": "ocr",
        "ocr_reason": "no_text",
        "confidence": 0.62,
        "language": None,
        "missing": None,
    }
    assert rest["items"][0]["missing"] == {"code": "reader_crashed", "message": "The reader crashed."}


def test_a_page_is_shown_with_its_text_and_how_far_that_can_be_trusted(library: Library) -> None:
    page = library.api.client.get(library.url(2)).json()

    assert page["text"] == "Bicycles travel free. They stand on the upper deck."
    assert [block["page"] for block in page["blocks"]] == [2]
    assert page["blocks"][0]["boxes"][0][0] == 2
    assert page["ocr"] == {"needed": True, "reason": "no_text"}
    assert [word["text"] for word in page["words"]] == ["Bicycles", "trave1", "frec"]
    (doubtful,) = page["doubtful"]
    assert (doubtful["text"], doubtful["x0"], doubtful["x1"]) == ("trave1 frec", 132, 196)
    assert page["version"] == 1


def test_a_text_has_no_pages(library: Library) -> None:
    url = f"/api/v1/documents/{library.text}/pages"

    assert library.api.client.get(url).json()["items"] == []
    problem(library.api.client.get(f"{url}/1"), 404, "page_not_found")
    problem(library.api.client.get(f"{url}/1/image"), 404, "page_not_found")


def test_what_is_not_there_is_not_found(library: Library) -> None:
    problem(library.api.client.get(library.url(4)), 404, "page_not_found")
    problem(library.api.client.get(library.url(4, "/image")), 404, "page_not_found")
    problem(library.api.client.get(library.url(0)), 422, "invalid_request")
    nobody = f"/api/v1/documents/{uuid4()}/pages"
    for url in (nobody, f"{nobody}/1", f"{nobody}/1/image"):
        problem(library.api.client.get(url), 404, "document_not_found")


# --- pictures ----------------------------------------------------------------------------------------------


def test_a_page_is_drawn_as_asked_for(library: Library) -> None:
    for form in ("png", "webp", "jpeg"):
        answer = library.api.client.get(library.url(1, "/image"), params={"dpi": 36, "format": form})
        assert answer.headers["content-type"] == f"image/{form}"
        assert Image.open(io.BytesIO(answer.content)).size == (306, 396)


def test_a_picture_that_the_client_has_is_not_sent_again(library: Library) -> None:
    answer = library.api.client.get(library.url(1, "/image"))
    tag = answer.headers["etag"]

    assert answer.headers["cache-control"].startswith("private")
    again = library.api.client.get(library.url(1, "/image"), headers={"If-None-Match": f'"x", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = library.api.client.get(library.url(1, "/image"), params={"dpi": 72})
    assert other.headers["etag"] != tag


def test_a_picture_is_drawn_once(library: Library) -> None:
    url = library.url(2, "/image")
    first = library.api.client.get(url, params={"dpi": 50}).content
    kept = pictures(library.api)

    assert library.api.client.get(url, params={"dpi": 50}).content == first
    assert pictures(library.api) == kept


def test_a_chunk_is_highlighted_where_it_stands(library: Library) -> None:
    chunks = library.api.client.get(f"/api/v1/documents/{library.pdf}/chunks").json()["items"]
    chunk = next(chunk for chunk in chunks if 2 in chunk["pages"])
    box = next(box for box in chunk["boxes"] if box["page"] == 2)

    def middle(**query: str) -> tuple[int, ...]:
        answer = library.api.client.get(library.url(2, "/image"), params={"dpi": "72", **query})
        image = Image.open(io.BytesIO(answer.content))
        return image.getpixel((int(box["x1"]) - 1, int(box["y0"]) + 1))  # type: ignore[return-value]

    corners = ",".join(str(box[name]) for name in ("x0", "y0", "x1", "y1"))
    assert middle() == (255, 255, 255)
    assert middle(highlight=f"chunk:{chunk['id']}") != (255, 255, 255)
    assert middle(highlight=f"{corners};1,1,2,2") != (255, 255, 255)


def test_a_hit_knows_where_its_picture_is(library: Library) -> None:
    question = {"query": "bicycles upper deck", "document_ids": [library.pdf, library.text]}
    hits = library.api.client.post("/api/v1/search", json=question).json()["hits"]

    for hit in hits:
        assert len(hit["image_urls"]) == (len(hit["pages"]) if hit["document_id"] == library.pdf else 0)
    (found, *_) = (hit for hit in hits if hit["document_id"] == library.pdf)
    assert library.api.client.get(found["image_urls"][0]).status_code == 200


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "a,b,c,d", "9,9,1,1", "nan,0,1,1", "page:1", ";".join(["1,1,2,2"] * 101)]
)
def test_what_is_no_highlight_is_refused(library: Library, text: str) -> None:
    answer = library.api.client.get(library.url(1, "/image"), params={"highlight": text})

    problem(answer, 422, "invalid_request")


def test_a_chunk_of_another_document_is_not_found(library: Library) -> None:
    for name in (str(uuid4()), "x"):
        answer = library.api.client.get(library.url(1, "/image"), params={"highlight": f"chunk:{name}"})
        problem(answer, 404, "chunk_not_found")


def test_a_format_without_pictures_says_so(library: Library) -> None:
    document = library.api.publish("a.docx", made.docx(made.paragraph("Words.")))
    put_pages(library.api.here, UUID(document), (Page(1, 612, 792),))

    problem(library.api.client.get(f"/api/v1/documents/{document}/pages/1/image"), 422, "no_picture")


def test_a_document_in_work_has_no_pages_yet(served: Served) -> None:
    document = served.upload("a.pdf", made.pdf(["Words."])).json()["document_id"]

    for more in ("", "/1", "/1/image"):
        problem(served.client.get(f"/api/v1/documents/{document}/pages{more}"), 409, "not_published")


def test_the_pictures_of_a_document_go_with_it(library: Library) -> None:
    api = library.api
    before = pictures(api)
    document = api.publish("b.pdf", made.pdf(["Soon gone."]))
    put_pages(api.here, UUID(document), (Page(1, 612, 792),))
    api.client.get(f"/api/v1/documents/{document}/pages/1/image")
    assert pictures(api) != before

    api.client.delete(f"/api/v1/documents/{document}")

    assert pictures(api) == before


def pictures(api: Served) -> list[str]:
    """The pictures that are kept."""
    return [path for path in api.stored_files() if path.startswith("pictures/")]


def test_the_table_of_contents_of_a_pdf_is_shown_and_a_text_has_none(library: Library) -> None:
    first = "<< /Title (Tides) /Parent 7 0 R /Dest [4 0 R /Fit] >>"
    root = "<< /Type /Outlines /First 6 0 R /Last 6 0 R >>"
    lines = made.said("The tide comes in at six and goes out at noon.", 700)
    content = made.drawn_pdf([lines], catalog="/Outlines 7 0 R", more=[first, root])
    document = library.api.publish("tides.pdf", content)

    answer = library.api.client.get(f"/api/v1/documents/{document}/outline").json()
    assert answer["items"] == [{"level": 1, "title": "Tides", "page": 1}]
    assert library.api.client.get(f"/api/v1/documents/{library.text}/outline").json()["items"] == []


def test_documents_are_found_by_words_of_their_name_title_metadata_and_outline(library: Library) -> None:
    first = "<< /Title (Neap and spring) /Parent 7 0 R /Dest [4 0 R /Fit] >>"
    root = "<< /Type /Outlines /First 6 0 R /Last 6 0 R >>"
    lines = made.said("Every jetty of the harbour has a ladder.", 700)
    content = made.drawn_pdf([lines], catalog="/Outlines 7 0 R", more=[first, root])
    document = library.api.publish("jetty_ladders-2026.pdf", content, metadata='{"author": "Ann Miller"}')

    def found(about: str) -> list[str]:
        answer = library.api.client.get("/api/v1/documents", params={"about": about})
        return [item["id"] for item in answer.json()["items"]]

    for about in ("neap", "NEAP spring", "jetty ladders", "ladders-2026.pdf", "miller", "neap ann"):
        assert found(about) == [document], about
    assert found("neap lighthouse") == []
    assert found("' & | ! :* <->") == []  # no words at all
