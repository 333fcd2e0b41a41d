"""Pictures of OpenDocument presentations and sheets: a frame shows one that lies in the file."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from docmill.adapters.readers.picture_names import name_inside
from docmill.adapters.readers.tidy import image_block
from docmill.adapters.readers.xml_tree import children, text_of
from docmill.domain.documents import RawBlock


def framed_picture(frame: Element) -> RawBlock | None:
    """The picture in a frame with its description; None where there is none of a kind that is looked at."""
    names = (name_inside(image.get("xlink:href")) for image in children(frame, "draw:image"))
    name = next(filter(None, names), None)
    told = (text_of(child) for tag in ("svg:desc", "svg:title") for child in children(frame, tag))
    return image_block(next(filter(None, told), ""), name) if name else None
