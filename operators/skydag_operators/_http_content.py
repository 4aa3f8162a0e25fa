"""`content` of an HTTP request as bytes and type (O-140).

    a text, number, boolean     text (default) or json
    a mapping                   json (default) or form
    a list                      json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from skydag.errors import ConfigError
from skydag.model.values import json_type, optional, text

FORMATS: Final = {"scalar": ("text", "json"), "object": ("json", "form"), "array": ("json",)}
JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"


def content(
    config: Mapping[str, Any], reveal: Callable[[str], str], *, text_type: str,
) -> tuple[bytes | None, str | None]:
    """(body, its content type); (None, None) without `content`. reveal: a text with its secrets. text_type: the type of
    plain text. ConfigError for a format that the value cannot have."""
    value = config.get("content")
    if value is None:
        return None, None
    kind = json_type(value) if isinstance(value, Mapping | list | tuple) else "scalar"
    formats = FORMATS[kind]
    wanted = optional(config, "content_format", text, formats[0]).lower()
    if wanted not in formats:
        raise ConfigError(f"Invalid content format for {kind}s: '{wanted}'; it can be {' or '.join(formats)}")
    value = _revealed(value, reveal)
    if wanted == "text":
        body, default = text("content", value), f"{text_type}; charset=utf-8"
    elif wanted == "json":
        body, default = json.dumps(value, ensure_ascii=False, separators=(",", ":")), JSON_TYPE
    else:
        body, default = _form(value), FORM_TYPE
    return body.encode("utf-8", "replace"), optional(config, "content_type", text, default)


def _form(fields: Mapping[str, Any]) -> str:
    for name, value in fields.items():
        if isinstance(value, Mapping | list | tuple):
            raise ConfigError(f"Invalid form content field value: {name} is {json_type(value)}; "
                              "a form has texts, numbers and booleans")
    return urlencode({name: "" if value is None else text(name, value) for name, value in fields.items()})


def _revealed(value: Any, reveal: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return reveal(value)
    if isinstance(value, Mapping):
        return {reveal(key): _revealed(inner, reveal) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(inner, reveal) for inner in value]
    return value
