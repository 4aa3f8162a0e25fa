"""Reads one command line by a table of options (C-4, C-5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from skydag.errors import InvalidError


class Option(NamedTuple):
    """One option: its spellings, the word for its value (None: a switch), and a line of help."""

    names: tuple[str, ...]
    value: str | None
    help: str
    repeats: bool = False           # may be given several times; otherwise a second time is an error
    glued: str | None = None        # a spelling whose value may follow without a blank: -XKEY=VALUE

    @property
    def key(self) -> str:
        """The longest spelling, without its dashes: how a command asks for it."""
        return max(self.names, key=len).lstrip("-")


class Given(NamedTuple):
    """What was typed: arguments in order, and each option's values by its key."""

    arguments: tuple[str, ...]
    values: dict[str, list[str]]

    def has(self, key: str) -> bool:
        return key in self.values

    def one(self, key: str) -> str | None:
        found = self.values.get(key)
        return found[-1] if found else None

    def all(self, key: str) -> list[str]:
        return self.values.get(key, [])

    def whole(self, key: str) -> int | None:
        """The option as a whole number; InvalidError for anything else."""
        text = self.one(key)
        if text is None:
            return None
        try:
            return int(text)
        except ValueError:
            raise InvalidError(f"Option --{key} takes a number, not '{text}'") from None


HELP = Option(("--help", "-help", "-h"), None, "show this text")

COMMON = (
    Option(("-L", "--log"), "PATH", "write log lines to a file ('-': standard error, as without it)"),
    Option(("-l", "--log-level"), "LEVEL", "error, warn, info (default), debug or trace"),
    Option(("-X", "--property"), "KEY=VALUE", "set a configuration property", repeats=True, glued="-X"),
    Option(("-c", "--config"), "PATH", "configuration file instead of ~/.config/skydag/config"),
    Option(("--logback-config",), "PATH", "accepted and ignored"),
)

PARAMS = (
    Option(("-p", "--param"), "KEY=VALUE", "set a parameter (dots nest)", repeats=True),
    Option(("-P", "--params-file"), "PATH", "read parameters from a YAML or JSON file"),
)

CLIENT = (
    Option(("-e", "--endpoint"), "URL", "address of the installation (default http://127.0.0.1:65432)"),
    Option(("--auth",), "KIND", "iam, basic or none (default: iam for *.execute-api.*.amazonaws.com)"),
    Option(("--basic-auth",), "USER:PASS", "user and password"),
    Option(("-H", "--header"), "KEY=VALUE", "add a request header", repeats=True),
    Option(("--disable-version-check",), None, "do not ask the server whether it knows this client"),
    Option(("--disable-cert-validation",), None, "accept any certificate"),
)


def read(argv: Sequence[str], options: Sequence[Option]) -> Given:
    """Arguments and options in any order. InvalidError: unknown, without value, or twice."""
    by_name = {name: option for option in (*options, HELP) for name in option.names}
    arguments: list[str] = []
    values: dict[str, list[str]] = {}
    rest = iter(argv)
    for word in rest:
        if word == "--":
            arguments.extend(rest)
        elif not word.startswith("-") or word == "-":
            arguments.append(word)
        else:
            option, value = _found(word, by_name)
            if option.value is not None and value is None:
                value = next(rest, None)
                if value is None:
                    raise InvalidError(f"Option {word} needs a value: {word} {option.value}")
            if option.key in values and option.value is not None and not option.repeats:
                raise InvalidError(f"Option {word} can only be given once")
            values.setdefault(option.key, []).append(value or "")
    return Given(tuple(arguments), values)


def _found(word: str, by_name: dict[str, Option]) -> tuple[Option, str | None]:
    if word in by_name:
        return by_name[word], None
    name, is_assigned, value = word.partition("=")
    if is_assigned and name.startswith("--") and name in by_name and by_name[name].value is not None:
        return by_name[name], value
    for option in by_name.values():
        if option.glued and word.startswith(option.glued):
            return option, word[len(option.glued):]
    raise InvalidError(f"Unknown option: {word}{_hint(word, by_name)}")


def _hint(word: str, by_name: dict[str, Option]) -> str:
    from difflib import get_close_matches

    known = [name for name in by_name if name.startswith("--")]
    near = get_close_matches(word.partition("=")[0], known, n=1, cutoff=0.7)
    return f" (did you mean {near[0]}?)" if near else ""


def pairs(values: Sequence[str], option: str) -> dict[str, str]:
    """KEY=VALUE, split at commas: a piece without `=` belongs to the value before it (C-5, L-151)."""
    out: dict[str, str] = {}
    for value in values:
        last: str | None = None
        for piece in value.split(","):
            key, is_pair, text = piece.partition("=")
            if is_pair:
                last = key
                out[key] = text
            elif last is None:
                raise InvalidError(f"Parameter {option} expected a value of the form a=b but got:{value}")
            else:
                out[last] += f",{piece}"
    return out
