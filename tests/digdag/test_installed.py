"""Every recorded workflow case comes out the same through the embedded installation: REST, the real handlers, moto.

The cases are played in a few batches, all of a batch at once in one installation. What cannot be played yet stands in
test_workflows.NOT_YET, for both worlds, or here; both lists may only shrink.
"""

from __future__ import annotations

from typing import Final

import pytest
from tests.digdag.installed import play
from tests.digdag.test_workflows import ALL, NOT_YET

BATCHES: Final = 6
INSTALLED_NOT_YET: dict[str, tuple[str, ...]] = {}
LISTED: Final = {name for names in [*NOT_YET.values(), *INSTALLED_NOT_YET.values()] for name in names}


@pytest.mark.parametrize("batch", range(BATCHES))
def test_recorded_cases_come_out_the_same_in_an_installation(batch: int) -> None:
    names = list(ALL)[batch::BATCHES]
    found = play([ALL[name][1] for name in names], is_direct=True)
    told = [f"{name}: {line}" for name, lines in found.items() if name not in LISTED for line in lines[:8]]
    assert not told, "\n".join(told)
    passing = {name for name in names if name in LISTED} - set(found)
    assert not passing, f"these hold now, take them off the list: {sorted(passing)}"


def test_every_listed_name_is_a_case() -> None:
    assert set(ALL) >= LISTED
