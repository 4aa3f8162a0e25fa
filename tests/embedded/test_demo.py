"""`skydag demo` shows what it promises, within its time, and does not say so when it is not true."""

from __future__ import annotations

import io
import time

import pytest
from tests.docs.readme import not_in_demo

from skydag.embedded import demo, expected
from skydag.embedded.expected import Sales


def test_the_demo_sees_all_it_expects_within_twenty_seconds() -> None:
    out, began = io.StringIO(), time.monotonic()
    assert demo.main(out) == 0, out.getvalue()
    text = out.getvalue()
    assert time.monotonic() - began <= 20
    shown = ("skydag-Table", "+daily_sales", "(container)", "SLA violation", "Workflow session attempt failed", "Next")
    assert [part for part in shown if part not in text] == []
    assert not_in_demo(text) == []              # README shows an excerpt


def test_the_demo_fails_and_names_what_it_did_not_see(monkeypatch: pytest.MonkeyPatch) -> None:
    real = expected.sales

    def wrong(project: object) -> Sales:
        found = real(project)  # type: ignore[arg-type]
        return Sales(shops={**found.shops, "north": {"rows": 0, "units": 0, "cents": 0}})

    monkeypatch.setattr(demo, "sales", wrong)
    monkeypatch.setattr(demo._Story, "_broken", lambda story: None)
    monkeypatch.setattr(demo._Story, "_late", lambda story: None)
    out = io.StringIO()
    assert demo.main(out) == 1
    missing = out.getvalue().partition("expectations were not met:")[2]
    assert "what each script stored is what its CSV file says" in missing
    assert "totals are right" in missing
