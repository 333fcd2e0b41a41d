"""docs/reference/cli.md and the commands say the same."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from docmill.cli.app import app

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def commands() -> dict[str, set[str]]:
    """Every command with its options, as the program has them."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return {
        name: {
            option
            for parameter in command.params
            if isinstance(parameter, typer.core.TyperOption)
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option not in ("-h", "--help")
        }
        for name, command in group.commands.items()
    }


def sections() -> dict[str, set[str]]:
    """Every command with its options, as the page has them."""
    found = re.findall(r"^### `docmill (\w+)[^`]*`\n(.*?)(?=^##|\Z)", PAGE.read_text(), re.M | re.S)
    return {name: set(re.findall(r"(?<=`)--?[a-z-]+", text)) for name, text in found}


def test_the_page_has_every_command_with_every_option() -> None:
    assert sections() == commands()


def test_every_command_says_what_it_is_for() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert [name for name, command in group.commands.items() if not command.help] == []
