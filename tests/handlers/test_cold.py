"""What a Lambda function loads when it starts cold: boto3, which is there anyway, and of ours what it needs."""

from __future__ import annotations

import subprocess
import sys

from tests.goldens.cli_player import SOURCES

ALL_BUT_API = ("advance", "container_ended", "expand", "finish", "register", "timer", "watch", "work")
OURS_MAX = 110                      # modules, each half a millisecond
# For whoever compiles files: `register` and `api` when they are given some, `work` for `call>`.
COMPILING = {"skydag.language.advice", "skydag.language.compile", "skydag.language.source", "skydag.language.timetable"}


def loaded(*handlers: str, before: str = "import boto3", after: str = "") -> set[str]:
    """Beyond boto3, by the handlers and the doorman. after: what else the process does."""
    code = (f"import gc, sys; {before}; known = set(sys.modules); from importlib import import_module; "
            "[import_module(f'skydag.handlers.{name}') for name in sys.argv[1:]]; "
            f"from skydag.bootstrap import from_environment; print(*(set(sys.modules) - known)); {after}")
    done = subprocess.run([sys.executable, "-c", code, *handlers], capture_output=True, text=True, check=True,
                          env={"PYTHONPATH": SOURCES, "PATH": "/usr/bin:/bin"})
    return set(done.stdout.split())


def test_functions_load_modules_of_ours_alone_and_nothing_that_compiles_files() -> None:
    """Design.md section 6: our own imports. PyYAML takes 25 ms, Powertools 75."""
    found = loaded(*ALL_BUT_API)
    assert {name for name in found if name.partition(".")[0] != "skydag"} == set()
    assert not found & COMPILING
    assert len(found) <= OURS_MAX


def test_the_api_brings_its_router_and_compiles_nothing_before_it_is_asked() -> None:
    found = loaded("api")
    assert "aws_lambda_powertools.event_handler" in found
    assert not found & {*COMPILING, "yaml"}


def test_a_function_that_starts_does_not_look_for_garbage() -> None:
    loaded("work", before="gc.collect(); looked = gc.get_stats()", after="sys.exit(gc.get_stats() != looked)")
