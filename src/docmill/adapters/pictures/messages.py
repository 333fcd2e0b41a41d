"""What is asked of the drawing child."""

from __future__ import annotations

from docmill.domain.pictures import Picture


def picture_request(picture: Picture) -> dict[str, object]:
    """What is asked of the child, as part of a message."""
    boxes = [[box.page, box.x0, box.y0, box.x1, box.y1] for box in picture.boxes]
    size = [picture.width, picture.height]
    return {"picture": [picture.page, *size, picture.dpi, picture.form.value, boxes]}
