"""The formats that are read."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from docmill.api.models import example, example_of
from docmill.api.problems import problems
from docmill.domain.media_types import Format, formats

router = APIRouter(prefix="/formats", tags=["formats"])


class FormatView(BaseModel):
    """A format that is read."""

    model_config = example(media_type="application/pdf", extensions=[".pdf"], name="PDF", engine="liteparse")

    media_type: str
    extensions: list[str]
    name: str
    engine: str

    @classmethod
    def of(cls, item: Format) -> FormatView:
        """The view of a format."""
        return cls(
            media_type=item.media_type, extensions=list(item.extensions), name=item.name, engine=item.engine
        )


class FormatList(BaseModel):
    """Every format that is read."""

    model_config = example(items=[example_of(FormatView)])

    items: list[FormatView]


@router.get("", operation_id="list_formats", summary="List the formats that are read", responses=problems())
def list_formats() -> FormatList:
    """Every format that is read, by media type and file name extension. The content of a file decides."""
    return FormatList(items=[FormatView.of(item) for item in formats()])
