"""Old decisions stay decisions: what `settle` once decided it decides today (style.md M-4; recordings.py says how)."""

from __future__ import annotations

import pytest
from tests.engine.recordings import NAMES, histories, replayed

from skydag.engine import settle


def test_what_was_decided_once_is_decided_today() -> None:
    changed = [f"{name}, step {number}: {found}, not {step['gives']}" for name, number, page, step in histories()
               if (found := replayed(page, step)) != step["gives"]]
    assert not changed, "\n".join(changed[:10])


def test_the_histories_know_ends_retries_error_tasks_kills_and_slas_and_stay_small() -> None:
    steps = list(histories())
    assert len({name for name, *_ in steps}) == len(NAMES)
    assert 50 <= len(steps) <= 300
    after = [step["gives"]["group"] for *_, step in steps]
    assert {group["st"] for group in after} == set("psgwec")
    assert any("dl" in group for group in after)
    assert any("numbers" in step for *_, step in steps)
    assert any(step["reports"] for *_, step in steps)


def test_a_change_of_decisions_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settle, "_retry_left", lambda page, group: None)
    changed = {name for name, _, page, step in histories() if replayed(page, step) != step["gives"]}
    assert changed == {"group_retry_with_a_wait"}
