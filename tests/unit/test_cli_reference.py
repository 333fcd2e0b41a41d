"""docs/reference/cli.md and the commands say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import typer.main
from typer.core import TyperCommand, TyperGroup

from docmill.cli.app import command_line

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def every_command() -> Iterator[tuple[str, TyperCommand]]:
    """Every command by the words that call it, those of groups too."""
    group = typer.main.get_command(command_line())
    assert isinstance(group, TyperGroup)
    waiting: list[tuple[tuple[str, ...], object]] = [
        ((name,), command) for name, command in group.commands.items()
    ]
    for words, command in waiting:
        if isinstance(command, TyperGroup):
            waiting += [((*words, name), part) for name, part in command.commands.items()]
        else:
            assert isinstance(command, TyperCommand)
            yield " ".join(words), command


def commands() -> dict[str, set[str]]:
    """Every command with its options, as the program has them."""
    return {
        name: {
            option
            for parameter in command.params
            if isinstance(parameter, typer.core.TyperOption)
            for option in (*parameter.opts, *parameter.secondary_opts)
            if option not in ("-h", "--help")
        }
        for name, command in every_command()
    }


def sections() -> dict[str, set[str]]:
    """Every command with its options, as the page has them."""
    found = re.findall(
        r"^### `docmill ([a-z]+(?: [a-z]+)*)[^`]*`\n(.*?)(?=^##|\Z)", PAGE.read_text(), re.M | re.S
    )
    return {name: set(re.findall(r"(?<=`)--?[a-z-]+", text)) for name, text in found}


def test_the_page_has_every_command_with_every_option() -> None:
    assert sections() == commands()


def test_every_command_says_what_it_is_for() -> None:
    assert [name for name, command in every_command() if not command.help] == []
