"""An example project as its README shows it: what is typed, what comes out; and what it needs beside itself."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.plugin_site import installed

from skydag.cli.options import COMMON, read
from skydag.cli.run import COMMAND
from skydag.cli.run import read as run_options

EXAMPLES = Path(__file__).parents[2] / "examples"
DATABASE = ".sqlite"


@dataclass(frozen=True, kw_only=True)
class Typed:
    """One `skydag run` of the README."""

    file: str
    session: str
    params: Mapping[str, Any]
    through: str | None             # the script of the project that it is typed behind

    @property
    def workflow(self) -> str:
        return self.file.removesuffix(".dig")


class Example:
    def __init__(self, name: str) -> None:
        self.name, self.folder = name, EXAMPLES / name
        readme = (self.folder / "README.md").read_text(encoding="utf-8")
        self.commands = _block(readme, "sh").splitlines()
        self.output = _block(readme, "text").splitlines()

    @property
    def typed(self) -> list[Typed]:
        return [_typed(line) for line in self.commands if not line.startswith("pip ")]

    @property
    def plugin(self) -> str | None:
        """The folder that pip is to install."""
        return next((line.removeprefix("pip install ") for line in self.commands if line.startswith("pip ")), None)

    def copy(self, target: Path) -> Path:
        shutil.copytree(self.folder, target, ignore=shutil.ignore_patterns("__pycache__", ".digdag", "out"))
        return target

    def site(self, target: Path) -> Path | None:
        return None if self.plugin is None else installed(self.folder / self.plugin, target)

    @contextmanager
    def server(self, script: str | None) -> Iterator[Server]:
        """What the script starts for the command behind it: the parameters it gives, and what it shows at the end."""
        if script is None:
            yield Server({}, None, None)
            return
        spec = importlib.util.spec_from_file_location(f"{self.name}_{Path(script).stem}", self.folder / script)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        with module.opened() as server:
            port = server.server_address[1]
            params = {"api": f"http://127.0.0.1:{port}"} if hasattr(server, "looks") else {"smtp_port": str(port)}
            yield Server(params, module, server)


@dataclass(frozen=True)
class Server:
    params: Mapping[str, str]
    module: Any
    server: Any

    @property
    def shown(self) -> list[str]:
        mails = getattr(self.server, "mails", ())
        return [line for mail in mails for line in self.module.shown(mail).splitlines()]


def _block(readme: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    assert found is not None, f"README shows no {language}"
    return found[1]


def _typed(line: str) -> Typed:
    words = shlex.split(line)
    through = None
    if words[0] == "python":
        through, words = words[1], words[2:]
    assert words[:2] == ["skydag", "run"], line
    options = run_options(read(words[2:], (*COMMAND.options, *COMMON)))
    return Typed(file=options.file, session=options.session, params=options.params, through=through)


def files(folder: Path) -> dict[str, Any]:
    """What lies in a folder: text by relative path, a database as its rows."""
    return {str(path.relative_to(folder)): _rows(path) if path.suffix == DATABASE else path.read_text(encoding="utf-8")
            for path in sorted(folder.rglob("*")) if path.is_file()}


def _rows(path: Path) -> dict[str, list[Any]]:
    with closing(sqlite3.connect(path)) as database:
        tables = [name for name, in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: sorted(database.execute(f"SELECT * FROM {json.dumps(name)}")) for name in tables}
