"""A failure on the emulator shows the logs that explain it."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from tests.deploy.stack import Stack

LINES = 60


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        lines = stack.emulator.log.read_text(errors="replace").splitlines()[-LINES:]
        report.sections.append(("the emulator's log", "\n".join(lines)))
        try:
            report.sections.append(("the functions' logs", stack.function_logs()))
        except Exception as gone:
            report.sections.append(("the functions' logs", f"cannot be read: {gone!r}"))
    return report
