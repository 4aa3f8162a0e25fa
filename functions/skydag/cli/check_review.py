"""`check` for code review: SARIF 2.1.0 (OASIS), and the workflow commands of GitHub Actions.

Both name files as seen from the current directory, which is where a review's tools look from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from skydag import __version__
from skydag.cli.findings import Findings
from skydag.language.codes import WARNINGS
from skydag.model.workflow import Problem

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Findings) -> str:
    codes = sorted({problem.code for problem in findings.problems})
    return json.dumps({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "skydag", "version": __version__, "semanticVersion": __version__,
                "rules": [_rule(code) for code in codes]}},
            "columnKind": "unicodeCodePoints",
            "results": [_result(findings, problem, codes.index(problem.code)) for problem in findings.problems],
        }],
    }, indent=2)


def _rule(code: str) -> dict[str, Any]:
    return {"id": code, "shortDescription": {"text": WARNINGS[code]}} if code in WARNINGS else {"id": code}


def _result(findings: Findings, problem: Problem, rule_index: int) -> dict[str, Any]:
    return {
        "ruleId": problem.code,
        "ruleIndex": rule_index,
        "level": _level(problem),
        "message": {"text": _text(problem)},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": quote(_file(findings, problem))},
            "region": {"startLine": problem.place.line, "startColumn": problem.place.column},
        }}],
    }


def github(findings: Findings) -> Iterator[str]:
    """`::error file=daily.dig,line=4,col=3::what is wrong; what to do`, a line each."""
    for problem in findings.problems:
        file = _escaped(_file(findings, problem)).replace(":", "%3A").replace(",", "%2C")
        where = f"file={file},line={problem.place.line},col={problem.place.column}"
        code = f" [{problem.code}]" if problem.is_warning else ""
        yield f"::{_level(problem)} {where}::{_escaped(_text(problem))}{code}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _level(problem: Problem) -> str:
    return "warning" if problem.is_warning else "error"


def _text(problem: Problem) -> str:
    return problem.message + (f"; {problem.hint}" if problem.hint else "")


def _file(findings: Findings, problem: Problem) -> str:
    return os.path.relpath(findings.folder / problem.place.file).replace(os.sep, "/")
