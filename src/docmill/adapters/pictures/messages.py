"""What is asked of the drawing child."""

from __future__ import annotations

from dataclasses import astuple

from docmill.adapters.readers import wire
from docmill.domain.documents import Box
from docmill.domain.pictures import Picture, PictureForm


def picture_request(picture: Picture) -> dict[str, object]:
    """What is asked of the child, as part of a message."""
    boxes = [astuple(box) for box in picture.boxes]
    size = [picture.width, picture.height]
    return {"picture": [picture.page, *size, picture.dpi, picture.form.value, boxes]}


def picture_of(request: wire.Message) -> Picture:
    """What the child was asked to draw."""
    page, width, height, dpi, form, boxes = request["picture"]
    return Picture(page, width, height, dpi, PictureForm(form), tuple(Box(*box) for box in boxes))
