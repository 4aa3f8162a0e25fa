"""What a command is, how it is found and called, and how its mistakes are told (C-3)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple

from skydag.cli.catalog import COMMANDS, GROUPS, LATER
from skydag.cli.options import COMMON, Given, Option, read
from skydag.errors import InvalidError, SkydagError

LEVELS = ("error", "warn", "info", "debug", "trace")


class UsageError(InvalidError):
    """The wrong number of arguments: the usage is shown, too."""


class Command(NamedTuple):
    """One command, as its module declares it under the name COMMAND."""

    name: str
    arguments: str                      # as usage shows them: "<project> [<workflow>]"
    counts: range                       # how many arguments it takes
    summary: str
    options: tuple[Option, ...]
    run: Callable[[Given], int]
    notes: str = ""                     # a few lines below the options


def called(argv: Sequence[str]) -> int:
    """The exit code of the command that argv names."""
    is_verbose = False
    command: Command | None = None
    try:
        name, rest = _split(argv)
        if name is None:
            print(usage(), file=sys.stderr)
            return 0
        command = _command(name)
        given = read(rest, (*command.options, *COMMON))
        if given.has("help"):
            print(help_of(command), file=sys.stderr)
            return 0
        is_verbose = _level(given) in ("debug", "trace")
        if len(given.arguments) not in command.counts:
            raise UsageError(_wrong_count(command, given))
        return command.run(given)
    except SkydagError as error:
        if is_verbose:
            import traceback

            traceback.print_exc()
        if isinstance(error, UsageError) and command is not None:
            print(help_of(command), file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        raise
    except Exception as bug:
        import traceback

        traceback.print_exc()
        print(f"error: {type(bug).__name__}: {bug}\nThis is a bug of skydag: please report it with the lines above.",
              file=sys.stderr)
        return 70


def _split(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """The command's name, and everything else; common options may stand before it (C-6)."""
    takes_value = {name for option in COMMON if option.value is not None for name in option.names}
    index = 0
    while index < len(argv) and argv[index].startswith("-"):
        index += 2 if argv[index] in takes_value else 1
    if index >= len(argv):
        read(argv, COMMON)              # refuses what is unknown
        return None, []
    return argv[index], [*argv[:index], *argv[index + 1:]]


def _command(name: str) -> Command:
    for full, (module, aliases, _) in COMMANDS.items():
        if name == full or name in aliases:
            found = import_module(f"skydag.cli.{module}").COMMAND
            assert isinstance(found, Command)
            return found
    if name in LATER:
        raise InvalidError(f"Command {name} is not supported yet; `skydag --help` lists what there is")
    from difflib import get_close_matches

    known = [*COMMANDS, *(alias for _, aliases, _ in COMMANDS.values() for alias in aliases)]
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "`skydag --help` lists the commands"
    raise InvalidError(f"Unknown command: {name}; {hint}")


def _level(given: Given) -> str:
    level = given.one("log-level") or "info"
    if level.lower() not in LEVELS:
        raise InvalidError(f"Unknown log level '{level}': use {', '.join(LEVELS)}")
    return level.lower()


def _wrong_count(command: Command, given: Given) -> str:
    wanted = command.arguments or "no arguments"
    return f"{command.name} takes {wanted}, but {len(given.arguments)} given"


def usage() -> str:
    lines = ["Usage: skydag <command> [arguments and options]", ""]
    for title, names in GROUPS:
        lines.append(f"{title}:")
        lines += [f"  {name:<11}{COMMANDS[name][2]}" for name in names]
        lines.append("")
    return "\n".join([*lines, "`skydag <command> --help` shows its options; `skydag --version` the version."])


def help_of(command: Command) -> str:
    """One screen: usage, what it does, its options, then those of every command."""
    head = f"Usage: skydag {command.name} {command.arguments}".rstrip() + " [options]"
    lines = [head, "", command.summary, ""]
    if command.options:
        lines += ["Options:", *(_line(option) for option in command.options), ""]
    lines += ["Options of every command:", *(_line(option) for option in COMMON)]
    if command.notes:
        lines += ["", command.notes]
    return "\n".join(lines)


def _line(option: Option) -> str:
    head = ", ".join(option.names) + (f" {option.value}" if option.value else "")
    return f"  {head:<32}{'' if len(head) < 32 else os.linesep + ' ' * 34}{option.help}"


def id_of(given: Given, kind: str) -> str:
    """The first argument, which must be an id (C-42)."""
    text = given.arguments[0]
    if not text.isdecimal():
        raise UsageError(f"'{text}' is no {kind} id: ids are numbers")
    return text
