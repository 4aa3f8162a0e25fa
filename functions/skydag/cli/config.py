"""The configuration of a command (C-8 .. C-12): properties from files, environment and -X, and the params in it.

    later wins:  the default file < the variable DIGDAG_CONFIG (SKYDAG_CONFIG) < -X < the file given with -c
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skydag.cli.options import Given, pairs
from skydag.errors import InvalidError
from skydag.model import properties
from skydag.model.homes import config_homes
from skydag.model.params import merge


def configuration(given: Given, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Every property, by C-9. InvalidError: the file named with -c cannot be read, or -X has no `=`."""
    environment = os.environ if env is None else env
    chosen = given.one("config")
    out: dict[str, str] = {}
    if chosen is None:
        default = next((home / "config" for home in config_homes(environment) if (home / "config").is_file()), None)
        if default is not None:
            out.update(_file(default))
    for variable in ("DIGDAG_CONFIG", "SKYDAG_CONFIG"):
        out.update(properties.parse(environment.get(variable, "")))
    for value in given.all("property"):
        key, is_pair, text = value.partition("=")
        if not is_pair:
            raise InvalidError(f"Option -X takes KEY=VALUE, not '{value}'")
        out[key] = text
    if chosen is not None:
        out.update(_file(Path(chosen)))
    return out


def _file(path: Path) -> dict[str, str]:
    try:
        return properties.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidError(f"Configuration file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidError(f"Configuration file {path} is not UTF-8 text") from error


def below(config: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The properties that start with the prefix, without it."""
    return {key[len(prefix):]: value for key, value in config.items() if key.startswith(prefix)}


def params(given: Given, config: Mapping[str, str]) -> dict[str, Any]:
    """params.* of the configuration < the -P file < -p, deeply merged (C-12)."""
    out = nested(below(config, "params."))
    file = given.one("params-file")
    if file is not None:
        out = merge(out, _mapping(Path(file)))
    return merge(out, nested(pairs(given.all("param"), "-p")))


def nested(flat: Mapping[str, str]) -> dict[str, Any]:
    """{"a.b": "x"} -> {"a": {"b": "x"}}; `a` beside `a.b` is refused (L-151)."""
    out: dict[str, Any] = {}
    for dotted in sorted(flat):
        *parents, last = dotted.split(".")
        place = out
        for depth, parent in enumerate(parents, 1):
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                above = ".".join(parents[:depth])
                raise InvalidError(f"Parameter '{dotted}' is set but '{above}' is not a object (\"{place}\")")
        place[last] = flat[dotted]
    return out


def _mapping(path: Path) -> dict[str, Any]:
    from skydag.cli.params_file import read_mapping

    return read_mapping(path)
