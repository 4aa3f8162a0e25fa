"""Every recorded workflow case comes out the same through the embedded installation: REST, the real handlers, moto.

The cases are played in a few batches, all of a batch at once in one installation, the modes in turn: mostly as it is
installed. `SKYDAG_CASES_IN=stream-only pytest tests/digdag/test_installed.py` plays all of them in one mode. What
cannot be played yet stands in test_workflows.NOT_YET, for both worlds, or here; both lists may only shrink.
"""

from __future__ import annotations

import os
from typing import Final

import pytest
from tests.digdag.installed import play
from tests.digdag.test_workflows import ALL, NOT_YET

TURNS: Final = ("fused", "direct", "fused", "inline", "fused", "stream-only")
INSTALLED_NOT_YET: dict[str, tuple[str, ...]] = {}
LISTED: Final = {name for names in [*NOT_YET.values(), *INSTALLED_NOT_YET.values()] for name in names}


@pytest.mark.parametrize("batch", range(len(TURNS)))
def test_recorded_cases_come_out_the_same_in_an_installation(batch: int) -> None:
    names = list(ALL)[batch::len(TURNS)]
    found = play([ALL[name][1] for name in names], os.environ.get("SKYDAG_CASES_IN", TURNS[batch]))
    told = [f"{name}: {line}" for name, lines in found.items() if name not in LISTED for line in lines[:8]]
    assert not told, "\n".join(told)
    passing = {name for name in names if name in LISTED} - set(found)
    assert not passing, f"these hold now, take them off the list: {sorted(passing)}"


def test_every_listed_name_is_a_case() -> None:
    assert set(ALL) >= LISTED
