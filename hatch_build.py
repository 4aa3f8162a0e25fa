"""Fetches Moment.js before anything is packed, also for `pip install -e .`; an sdist carries it along."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MOMENT = "functions/skydag/language/data/moment.min.js"


class FetchMoment(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        script = Path(self.root) / "infra/fetch_moment.py"
        spec = importlib.util.spec_from_file_location("fetch_moment", script)
        if spec is None or spec.loader is None:
            raise RuntimeError(f"{script} is missing")
        fetch_moment = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(fetch_moment)
        fetch_moment.ensure(Path(self.root) / MOMENT)
