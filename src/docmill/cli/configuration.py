"""`docmill config`: every setting, its value, and where it came from."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from docmill.cli.console import print_json, stdout
from docmill.domain.errors import InvalidSettings
from docmill.domain.masking import MASK

if TYPE_CHECKING:
    from pydantic import ValidationError

    from docmill.settings import Settings

# All before the last @ of a URL: a password may hold any character, and a token stand for the user.
_USER_INFO = re.compile(r"(?s)(?<=://).*@")
_PARAMETER = re.compile(r"(?i)(?<=[?&])(?P<name>[a-z_]*(?:password|secret|token|key))=[^&]*")


@dataclass(frozen=True, slots=True)
class SettingLine:
    """One setting as shown; `value` is None when unset and never holds a secret."""

    name: str
    value: str | None
    source: str
    description: str


def config(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Show every setting, its value and where it came from. Secrets are masked."""
    lines = setting_lines(settings(), os.environ)
    if as_json:
        print_json([asdict(line) for line in lines])
    else:
        _print_table(lines)


def settings() -> Settings:
    """The settings of this process. Raises InvalidSettings naming each variable that is wrong."""
    from pydantic import ValidationError

    from docmill.settings import load_settings

    try:
        return load_settings()
    except ValidationError as error:
        raise InvalidSettings(_what_is_wrong(error)) from None


def setting_lines(values: Settings, environment: Mapping[str, str]) -> list[SettingLine]:
    """Every setting in the order of the settings class."""
    from dotenv import dotenv_values

    file = values.home / "docmill.env"
    in_environment = _names(environment)
    in_file = _names(dotenv_values(file)) if file.is_file() else frozenset[str]()
    lines = []
    for field, info in type(values).model_fields.items():
        name = f"DOCMILL_{field.upper()}"
        source = "environment" if name in in_environment else "docmill.env" if name in in_file else "default"
        lines.append(SettingLine(name, _shown(getattr(values, field)), source, info.description or ""))
    return lines


def mask(value: str) -> str:
    """The value without what it would let somebody in with: the passwords inside a URL, or all of it."""
    if "://" not in value:
        return MASK
    return _PARAMETER.sub(rf"\g<name>={MASK}", _USER_INFO.sub(f"{MASK}@", value))


def _shown(value: object) -> str | None:
    from pydantic import SecretStr

    if value is None:
        return None
    if isinstance(value, SecretStr):
        return mask(value.get_secret_value())
    text = str(value)
    return mask(text) if "://" in text else text


def _names(variables: Mapping[str, str | None]) -> frozenset[str]:
    """The variables that count: upper case, and not empty."""
    return frozenset(name.upper() for name, value in variables.items() if value)


def _what_is_wrong(error: ValidationError) -> str:
    # The value itself is left out: it may be a secret.
    found = [
        f"DOCMILL_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_input=False)
    ]
    return f"{'; '.join(found)}. Correct it in the environment or in HOME/docmill.env."


def _print_table(lines: list[SettingLine]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table("setting", "value", "from", "what it is", box=box.SIMPLE)
    for line in lines:
        value = Text(line.value) if line.value is not None else Text("unset", style="dim")
        table.add_row(line.name, value, line.source, line.description)
    stdout().print(table)
