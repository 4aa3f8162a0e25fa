"""Where in the project a task works (O-38). Compared by resolved parts, so `/proj-other` is not within `/proj`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skydag.errors import ConfigError
from skydag.model.values import optional, text


def workdir(config: Mapping[str, Any]) -> str:
    """`_workdir`, relative to the project; "" is the project itself."""
    return optional(config, "_workdir", text, "")


def check_inside(root: Path, path: str, message: str) -> Path:
    """The resolved path below the root, links followed; ConfigError(message) when it leads out."""
    try:
        found = (root / path).resolve()
    except (ValueError, RuntimeError):          # a character of code 0; links that lead in a circle
        raise ConfigError(message) from None
    if not found.is_relative_to(root.resolve()):
        raise ConfigError(message)
    return found


def working_directory(root: Path, config: Mapping[str, Any]) -> Path:
    """The folder in which the task's command runs. ConfigError if it is outside, or not there."""
    relative = workdir(config)
    if not relative:
        return root
    found = check_inside(root, relative, f"Working directory must not be outside of project path: {relative}")
    if not found.is_dir():
        raise ConfigError(f"Working directory does not exist: {relative}")
    return root / relative if ".." not in Path(relative).parts else found


def is_command(name: str) -> bool:
    """Whether a program of that name is found on PATH. (shutil.which knows it, too, and takes ten times as long to
    load.)"""
    paths = [os.path.join(folder, name) for folder in os.get_exec_path()]       # noqa: PTH118
    return any(os.access(path, os.X_OK) and os.path.isfile(path) for path in paths)      # noqa: PTH113
