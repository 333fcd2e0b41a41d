"""docs/reference/cli.md and the commands say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("name", typer.main.get_group(command_line()).commands)
def test_a_command_is_there_alone_when_it_is_called(name: str) -> None:
    alone = typer.main.get_command(command_line(name))
    assert isinstance(alone, TyperGroup)
    assert list(alone.commands) == [name]


def test_what_takes_long_to_load_is_not_loaded_for_a_short_command_or_the_api() -> None:
    program = """
import sys
from docmill.cli import main
sys.argv = ["docmill", "version"]
try:
    main()
except SystemExit:
    import docmill.cli.client, docmill.api.serve
slow = ("alembic", "httpx._main", "rich.console", "docmill.cli.doctor")
print([name for name in slow if sys.modules.get(name)])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
