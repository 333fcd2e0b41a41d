"""What can drift from the code is in docs/reference, or the build fails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from docmill.api.app import PREFIX, add_routes
from docmill.api.problems import HTTP_CODES
from docmill.domain.errors import DocmillError
from docmill.domain.estimates import WEIGHTS
from docmill.domain.states import EventKind, StageName, TaskStatus
from docmill.settings import Settings

DOCS = Path(__file__).parents[2] / "docs"


def page(name: str) -> str:
    return (DOCS / "reference" / name).read_text()


def rows(text: str) -> dict[str, list[str]]:
    """The rows of every table of a page, by the code in their first cell."""
    found = re.findall(r"^\| `([\w{}]+)` \|(.*)\|$", text, re.M)
    return {name: [cell.strip() for cell in re.split(r"(?<!\\)\|", rest)] for name, rest in found}


def every_error(error: type[DocmillError] = DocmillError) -> Iterator[type[DocmillError]]:
    yield error
    ours = (kind for kind in error.__subclasses__() if kind.__module__.startswith("docmill."))
    for kind in ours:
        yield from every_error(kind)


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in every_error()]

    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("error", list(every_error()), ids=lambda error: error.code)
def test_every_error_is_listed_as_it_is(error: type[DocmillError]) -> None:
    again = "yes" if error.retryable else "no"

    assert rows(page("errors.md")).get(error.code) == [
        str(error.http_status),
        again,
        error.default_message(),
    ]


def test_no_code_is_listed_that_does_not_exist() -> None:
    codes = {error.code for error in every_error()} | {code for code, _ in HTTP_CODES.values()}

    assert rows(page("errors.md")).keys() == codes


def test_every_setting_is_listed_as_it_is() -> None:
    listed = {name: cells for name, cells in rows(page("settings.md")).items() if name.startswith("DOCMILL_")}

    assert listed.keys() == {f"DOCMILL_{name.upper()}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        default, description = listed[f"DOCMILL_{name.upper()}"]
        assert description == field.description, name
        if name not in {"home", "worker_processes"}:  # what they are depends on the machine
            assert default == ("unset" if field.default is None else f"`{field.default}`"), name


def test_every_address_is_described() -> None:
    api = FastAPI()
    add_routes(api)
    operations = {
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for path, methods in api.openapi()["paths"].items()
        for method in methods
    }

    assert set(re.findall(r"^### `(\w+ /\S+)`$", page("api.md"), re.M)) == operations


def test_the_states_and_the_weights_of_the_stages_are_described() -> None:
    text = page("api.md")

    assert all(f"`{word}`" in text for word in (*TaskStatus, *EventKind))
    weights = ", ".join(f"{stage} {WEIGHTS[stage]} %" for stage in StageName)
    assert weights in text


def test_links_inside_the_docs_lead_somewhere() -> None:
    broken = [
        f"{source.relative_to(DOCS)} → {target}"
        for source in DOCS.rglob("*.md")
        for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", source.read_text())
        if not (source.parent / target).exists()
    ]

    assert broken == []
