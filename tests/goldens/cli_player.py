"""Plays the command line goldens (conformance/cli/README.md): the installed program as child processes, one fresh
directory and home a group."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.goldens.match import substituted

import skydag

GROUPS = Path(__file__).parents[1] / "conformance" / "cli"
_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PLACEHOLDERS = {
    "<id>": r"\d+", "<n>": r"\d+", "<time>": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}",
    "<isotime>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<uuid>": _UUID, "<version>": r"\d[\w.+-]*", "<path>": r"\S+",
    "<any>": ".*", "<type>": r"\w+", "<in>": r"\((in ([\dhms]+ ?)+|([\dhms]+ )+ago)\)", "<hint>": r"(\* )?Use `.*",
}
_START = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}: (Digdag|skydag) v")
_LOG = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} \[")
SOURCES = os.pathsep.join(str(Path(skydag.__file__).parents[2] / root) for root in ("functions", "operators"))


@dataclass(frozen=True)
class Ran:
    exit: int
    stdout: str
    stderr: str


@dataclass
class Player:
    root: Path
    run: str
    endpoint: str | None = None
    variables: dict[str, str] = field(default_factory=dict)

    def play(self, group: Mapping[str, Any]) -> dict[str, list[str]]:
        """What differs, by case."""
        self.work, self.home = self.root / "work", self.root / "home"
        self.work.mkdir(parents=True)
        self.home.mkdir()
        self.variables = {"run": self.run, "work": str(self.work), "home": str(self.home), "root": str(self.root),
                          "endpoint": str(self.endpoint)}
        self._write(group)
        failed = {}
        for case in group["cases"]:
            found = list(self._case(case))
            if found:
                failed[case["id"]] = found
        return failed

    def _case(self, case: Mapping[str, Any]) -> Iterator[str]:
        self._write(case)
        ran = self._ran(case)
        for _ in range(60 if "wait" in case else 0):
            if re.search(case["wait"], ran.stdout):
                break
            time.sleep(0.25)
            ran = self._ran(case)
        for name, pattern in case.get("capture", {}).items():
            match = re.search(substituted(pattern, self.variables), ran.stdout)
            if match is None:
                yield f"nothing to capture: {pattern}"
            else:
                self.variables[name] = match[1]
        differing = [*self._compared(case["expect"], ran)]
        if differing:
            yield from [*differing, f"stdout: {ran.stdout[-1500:]}", f"stderr: {ran.stderr[-1500:]}"]

    def _ran(self, case: Mapping[str, Any]) -> Ran:
        argv = [substituted(word, self.variables) for word in case["argv"]]
        if case.get("server"):
            argv += ["-e", str(self.endpoint)]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TZ": "America/New_York", "LANG": "C.UTF-8",
               "PYTHONPATH": SOURCES, **substituted(case.get("env", {}), self.variables)}
        done = subprocess.run([sys.executable, "-m", "skydag", *argv], cwd=self.work, env=env, capture_output=True,
                              text=True, input=case.get("stdin", ""), timeout=60, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)

    def _compared(self, expect: Mapping[str, Any], ran: Ran) -> Iterator[str]:
        if ran.exit != expect["exit"]:
            yield f"exit: wanted {expect['exit']}, found {ran.exit}"
        for name, text in (("stdout", ran.stdout), ("stderr", ran.stderr)):
            lines = _lines(text)
            if name in expect and not _fit([substituted(one, self.variables) for one in expect[name]], lines):
                yield f"{name}: wanted {expect[name]}"
            for wanted in expect.get(f"{name}_has", []):
                if substituted(wanted, self.variables) not in text:
                    yield f"{name}: wanted {wanted!r} somewhere"
            for unwanted in expect.get(f"{name}_lacks", []):
                if substituted(unwanted, self.variables) in text:
                    yield f"{name}: {unwanted!r} is not wanted"
            if expect.get(f"{name}_some") and not lines:
                yield f"{name}: wanted something"
        for path, wanted in expect.get("files", {}).items():
            yield from self._file(substituted(path, self.variables), wanted)

    def _file(self, name: str, wanted: Any) -> Iterator[str]:
        path = self.work / name
        if wanted is None:
            if path.exists() or path.is_symlink():
                yield f"{name} is not wanted"
        elif not path.exists() and not path.is_symlink():
            yield f"{name} is missing"
        elif isinstance(wanted, str) and wanted != "<any>":
            if path.read_text() != substituted(wanted, self.variables):
                yield f"{name}: wanted {wanted!r}, found {path.read_text()!r}"
        elif isinstance(wanted, dict):
            if "mode" in wanted and f"{path.stat().st_mode & 0o777:o}" != wanted["mode"]:
                yield f"{name}: mode {path.stat().st_mode & 0o777:o}"
            if "symlink" in wanted and (not path.is_symlink() or str(path.readlink()) != wanted["symlink"]):
                yield f"{name}: not a link to {wanted['symlink']}"
            if "entries" in wanted:
                with tarfile.open(path) as tar:
                    if sorted(tar.getnames()) != sorted(wanted["entries"]):
                        yield f"{name}: holds {sorted(tar.getnames())}"

    def _write(self, described: Mapping[str, Any]) -> None:
        for base, key in ((self.work, "files"), (self.home, "home")):
            for name, content in described.get(key, {}).items():
                path = base / substituted(name, self.variables)
                path.unlink(missing_ok=True)
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, dict) and "symlink" in content:
                    path.symlink_to(content["symlink"])
                elif content is not None:
                    is_text = isinstance(content, str)
                    path.write_text(substituted(content if is_text else content["text"], self.variables))
                    if not is_text and "mode" in content:
                        path.chmod(int(content["mode"], 8))


def _lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not _START.match(line) and not _LOG.match(line)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _fit(wanted: Sequence[str], found: Sequence[str]) -> bool:
    """`<...>` stands for any number of lines."""
    if not wanted:
        return not found
    if wanted[0] == "<...>":
        return any(_fit(wanted[1:], found[index:]) for index in range(len(found) + 1))
    return bool(found) and _line_fits(wanted[0], found[0]) and _fit(wanted[1:], found[1:])


def _line_fits(wanted: str, found: str) -> bool:
    pattern = re.escape(wanted)
    for name, text in PLACEHOLDERS.items():
        pattern = pattern.replace(re.escape(name), text)
    return re.fullmatch(pattern, found) is not None


def load(name: str) -> Any:
    return json.loads((GROUPS / f"{name}.json").read_text())
