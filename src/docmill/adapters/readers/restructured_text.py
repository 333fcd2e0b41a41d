"""reStructuredText by docutils: no file is inserted, nothing raw is taken in, nothing runs."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from docmill.adapters.readers.rendered import first_without_lead
from docmill.adapters.readers.rst_blocks import doctree_blocks
from docmill.adapters.readers.text_reader import TextReader, Told
from docmill.domain.documents import BlockKind
from docmill.domain.reading_errors import DamagedFile

LINE_CHARACTERS = 1_000_000

_DIRECTIVE = re.compile(r"(?m)^[ \t]*(?:\.\.|\.\. \|[^|\n]+\|)[ \t]+([\w:+.-]+?)[ \t]?::(?:[ \t]|$)")
_ROLE = re.compile(r":([\w:+.-]+):`")
_INSERTS = re.compile(r"(?m)^[ \t]*\.\.[ \t]+(include|literalinclude|raw)::|^[ \t]+:(file|url):")
_TARGET = re.compile(r"\s*<[^<>]*>\s*$")


class RstReader(TextReader):
    """Reads reStructuredText; of what only Sphinx knows, the words are kept."""

    name = "docutils-1"

    def tell(self, text: str, _media_type: str, /) -> Told:
        """The blocks of the document. Raises DamagedFile."""
        blocks = list(first_without_lead(doctree_blocks(_doctree(text))))
        title = next((block.text for block in blocks if block.kind is BlockKind.HEADING), None)
        inserts = _INSERTS.search(text)
        notices = ("What the file would insert from elsewhere was left out.",) if inserts else ()
        return Told(blocks, title, notices=notices)


def _doctree(text: str) -> Any:
    from docutils import frontend
    from docutils.parsers import rst
    from docutils.utils import new_document

    _make_known(text)
    settings = frontend.get_default_settings(rst.Parser)
    settings.file_insertion_enabled = settings.raw_enabled = False
    settings.report_level, settings.halt_level = 5, 6  # what is wrong is skipped without a word
    settings.line_length_limit = LINE_CHARACTERS
    document = new_document("document", settings)
    try:
        rst.Parser().parse(text, document)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError, AssertionError) as error:
        raise DamagedFile("The reStructuredText cannot be read. Correct it and send it again.") from error
    return document


def _make_known(text: str) -> None:
    """Give the directives and roles of this text that docutils does not know a meaning: their words."""
    from docutils.parsers.rst import directives, roles
    from docutils.parsers.rst.languages import en

    for name in {match[1].lower() for match in _DIRECTIVE.finditer(text)} - en.directives.keys():
        directives.register_directive(name, _words_directive())
    for name in {match[1].lower() for match in _ROLE.finditer(text)} - en.roles.keys():
        roles.register_local_role(name, _words_role)


@lru_cache(maxsize=1)
def _words_directive() -> Any:
    """A directive whose argument is a paragraph and whose content is read like any other text."""
    from docutils import nodes
    from docutils.parsers.rst import Directive

    class Words(Directive):
        has_content = True
        optional_arguments = 1
        final_argument_whitespace = True
        option_spec = _AnyOption()

        def run(self) -> list[nodes.Node]:
            found: list[nodes.Node] = [nodes.paragraph("", argument) for argument in self.arguments]
            content = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, content)
            return [*found, content]

    return Words


class _AnyOption(dict[str, Any]):
    """Takes whatever option a directive has."""

    def __missing__(self, name: str) -> Any:
        from docutils.parsers.rst import directives

        return directives.unchanged

    def __bool__(self) -> bool:
        return True


def _words_role(_name: str, source: str, text: str, *_: Any) -> tuple[list[Any], list[Any]]:
    """The words of a role; of `words <target>` without the target."""
    from docutils import nodes
    from docutils.utils import unescape

    return [nodes.inline(source, _TARGET.sub("", unescape(text)) or text)], []
