"""A resumed attempt on the whole installation: large results, generated tasks, parallel groups; nothing runs twice."""

from __future__ import annotations

from tests.embedded.test_journey import START, House, archive

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation
from skydag.store.values import INLINE_BYTES_MAX

LIB = f"import digdag\n\n\ndef large():\n    digdag.env.store({{'large': 'x' * {INLINE_BYTES_MAX + 1}}})\n"
BROKEN = ("+s: {py>: lib.large}\n+l:\n  loop>: 2\n  _do: {+x: {echo>: 'turn ${i}'}}\n"
          "+p:\n  _parallel: true\n" + "".join(f"  +t{n}: {{echo>: {n}}}\n" for n in range(20)) +
          "+f: {fail>: boom}\n+z: {echo>: '${large.length}'}\n")


def test_a_failed_attempt_goes_on_where_it_stopped_E_111_K_2() -> None:
    with Installation(clock=VirtualClock(START)) as installation:
        house = House(installation)
        house.upload(archive({"w.dig": BROKEN, "lib.py": LIB}))
        first = house.start("w")
        installation.settle()
        assert house.states(first)["+w+f"] == "error"
        house.upload(archive({"w.dig": BROKEN.replace("fail>", "echo>"), "lib.py": LIB}))
        project = house.rest.get("/api/project", name="p")["id"]
        workflow = house.rest.get(f"/api/projects/{project}/workflows/w")["id"]
        again = house.rest.put("/api/attempts", {
            "workflowId": workflow, "sessionTime": "2025-03-01T00:00:00Z", "params": {}, "retryAttemptName": "again",
            "resume": {"attemptId": first, "mode": "failed"}})["id"]
        installation.settle()
        tasks = house.rest.get(f"/api/attempts/{again}/tasks")["tasks"]
        assert {task["state"] for task in tasks} == {"success"}
        assert len(tasks) == 1 + 1 + (1 + 1 + 2 * 2) + 21 + 2
        assert [task["fullName"] for task in tasks if task["startedAt"]] == ["+w+f", "+w+z"]
        assert house.rest.logs(again)["+w+z"] == [str(INLINE_BYTES_MAX + 1)]
        assert not installation.lambdas.failures
