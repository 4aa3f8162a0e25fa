"""A plugin's folder as pip would install it, made without pip and without a network: modules, and what says where the
operators are."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

from skydag.app.operators import GROUP


def installed(plugin: Path, site: Path) -> Path:
    """site: a folder for the path; made. The plugin's pyproject.toml names the operators."""
    described = tomllib.loads((plugin / "pyproject.toml").read_text(encoding="utf-8"))
    project = described["project"]
    name, version = project["name"], project["version"]
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    points = "".join(f"{key} = {value}\n" for key, value in project["entry-points"][GROUP].items())
    (info / "entry_points.txt").write_text(f"[{GROUP}]\n{points}")
    for module in described["tool"]["setuptools"]["py-modules"]:
        shutil.copy(plugin / f"{module}.py", site)
    return site
