"""What tasks print is kept while it is of use, and never in the way of what matters more."""

from __future__ import annotations

from pathlib import Path

import pytest

from skydag.local.outputs import HELD_MAX, Outputs

LARGE = "x" * 99 + "\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("is_failure", [True, False])
def test_on_a_full_disk_no_part_of_an_output_takes_the_room_that_task_states_need(
    is_failure: bool, tmp_path: Path,
) -> None:
    (tmp_path / "+a.log").symlink_to("/dev/full")
    outputs = Outputs(tmp_path)
    for _ in range(3):
        outputs.write("+a", LARGE * (HELD_MAX // 50))
    assert list(tmp_path.iterdir()) == []
    outputs.ended("+a", is_failure=is_failure)
    assert outputs.of("+a") == (([LARGE[:-1]] * 20, None) if is_failure else ([], None))
