"""docs/cli.md says what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skydag.cli.catalog import COMMANDS, LATER
from skydag.cli.command import _command
from skydag.cli.options import CLIENT, COMMON, Option

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
SECTIONS = {part.partition("\n")[0]: part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)}


def row(option: Option) -> str:
    """As the page's tables show it."""
    value = f" `{option.value}`" if option.value else ""
    names = ", ".join(f"`{name}`" for name in option.names)
    return f"| {names}{value} | {option.help} |".replace("asc|desc", "asc\\|desc")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_page_shows_every_command_with_exactly_its_options(name: str) -> None:
    command = _command(name)
    section = SECTIONS[name]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows == [row(option) for option in command.options if option not in CLIENT]
    assert f"skydag {name} {command.arguments}".rstrip() in section
    assert command.summary in section
    assert all(f"`{alias}`" in section for alias in COMMANDS[name][1])


def test_the_page_shows_the_options_that_commands_share_and_what_is_not_here_yet() -> None:
    assert all(row(option) in SECTIONS["Every command"] for option in COMMON)
    assert all(row(option) in SECTIONS["Commands that talk to an installation"] for option in CLIENT)
    assert all(f"`{name}`" in PAGE for name in LATER)
