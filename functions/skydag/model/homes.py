"""Where configuration and local secrets lie on this machine (C-8, O-51)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path


def config_homes(env: Mapping[str, str]) -> Iterator[Path]:
    """The first that has what is looked for counts, ours before Digdag's."""
    home = Path(env.get("HOME") or Path.home())
    xdg = Path(env["XDG_CONFIG_HOME"]) if env.get("XDG_CONFIG_HOME") else home / ".config"
    if env.get("SKYDAG_CONFIG_HOME"):
        yield Path(env["SKYDAG_CONFIG_HOME"])
    yield xdg / "skydag"
    yield Path(env["DIGDAG_CONFIG_HOME"]) if env.get("DIGDAG_CONFIG_HOME") else xdg / "digdag"
