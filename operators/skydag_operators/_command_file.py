"""The text of an operator whose command names a file of the project (O-41)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from skydag.errors import ConfigError
from skydag.model.values import mapping, required, text
from skydag.spi import TaskRequest
from skydag_operators import _paths

TEXT_BYTES_MAX: Final = 32_000_000      # of one value, as everywhere (F-9)


def command_text(request: TaskRequest, key: str) -> str:
    """`_command` as a path: the file's text with its expressions evaluated. `{data: text}`: that text as it is. Without
    a command the parameter `key`, which was evaluated with the task. ConfigError."""
    command = request.config.get("_command")
    if command is None:
        return required(request.config, key, text)
    if isinstance(command, Mapping):
        return required(mapping("_command", command), "data", text)
    path = text("_command", command)
    try:
        return request.template(content(request, path, bytes_max=TEXT_BYTES_MAX).decode())
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None


def content(request: TaskRequest, path: str, *, bytes_max: int) -> bytes:
    """The bytes of a file of the project; the path counts from the working directory. ConfigError, also for more than
    bytes_max."""
    folder = _paths.working_directory(request.files.root, request.config)
    _paths.check_inside(request.files.root, str(folder / path),
                        f"File name must not be outside of project path: {path}")
    return _read(folder / path, path, bytes_max)


def _read(file: Path, path: str, bytes_max: int) -> bytes:
    try:
        if file.exists() and not file.is_file():
            raise ConfigError(f"{path} is no file")
        with file.open("rb") as opened:
            found = opened.read(bytes_max + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(f"File not found: {path}") from None
    except OSError as trouble:
        raise ConfigError(f"{path} cannot be read: {trouble.strerror}") from None
    if len(found) > bytes_max:
        raise ConfigError(f"{path} is larger than {bytes_max // 1_000_000} MB")
    return found
