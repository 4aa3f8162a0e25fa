"""No service's limit is the user's: parameters, results and output above 400 KB work (F-9)."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.embedded.test_journey import House, archive

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

SIZE = 700_000
LIB = f"""
import digdag

def make():
    digdag.env.store({{"big": "x" * {SIZE}}})
    print("y" * {SIZE})

def add():
    digdag.env.add_subtask({{"echo>": "z" * {SIZE}}})

def look(big):
    print(f"saw {{len(big)}}")
"""
WORKFLOW = """
+make: {py>: lib.make}
+see: {py>: lib.look}
+count: {echo>: '${big.length} characters'}
+g:
  +inside: {py>: lib.look}
+many: {py>: lib.add}
+loop:
  loop>: 2
  _do: {py>: lib.look}
"""


def test_values_above_an_items_limit_travel_by_the_bucket() -> None:
    with Installation(clock=VirtualClock(datetime(2025, 3, 1, tzinfo=UTC))) as installation:
        house = House(installation)
        house.upload(archive({"w.dig": WORKFLOW, "lib.py": LIB}))
        attempt = house.start("w")
        installation.settle()
        assert not installation.lambdas.failures
        assert set(house.states(attempt).values()) == {"success"}, house.states(attempt)
        logs = house.rest.logs(attempt)
        assert sum(map(len, logs["+w+make"])) == SIZE
        assert logs["+w+see"] == [f"saw {SIZE}"]
        assert logs["+w+count"] == [f"{SIZE} characters"]
        assert logs["+w+g+inside"] == [f"saw {SIZE}"]
        assert logs["+w+loop^sub+loop-1"] == [f"saw {SIZE}"]
        assert sum(map(len, logs["+w+many^sub+subtask0"])) == SIZE
        tasks = {task["fullName"]: task for task in house.rest.get(f"/api/attempts/{attempt}/tasks")["tasks"]}
        assert len(tasks["+w+make"]["storeParams"]["big"]) == SIZE
