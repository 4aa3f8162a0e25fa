"""require> in an installation and on a laptop: another session, started once, waited for without holding anything."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.embedded.test_journey import House, archive

from skydag.embedded.clocks import VirtualClock
from skydag.embedded.installation import Installation

START = datetime(2025, 3, 1, 12, 0, 30, tzinfo=UTC)
CHILD = ("timezone: Asia/Tokyo\n+x: {echo>: 'child ${n} ${session_time}'}\n"
         "+fail: {if>: '${n > 1}', _do: {fail>: 'too many'}}\n")
FILES = {
    "parent.dig": "+a: {require>: child, project_name: q, params: {n: 1}}\n+b: {echo>: b}\n",
    "broken.dig": "+a: {require>: child, project_name: q, params: {n: 2}, session_time: '2025-02-01T00:00:00Z'}\n",
    "nobody.dig": "+a: {require>: chld, project_name: q}\n",
}


def test_e96_an_attempt_of_another_project_is_started_and_waited_for() -> None:
    clock = VirtualClock(START)
    with Installation(clock=clock) as installation:
        house = House(installation)
        house.upload(archive(FILES))
        house.upload(archive({"child.dig": CHILD}), "upload/q.tar.gz")
        parents = {name: house.start(name) for name in ("parent", "broken", "nobody")}
        installation.run_until(START + timedelta(minutes=3))
        assert set(house.states(parents["parent"]).values()) == {"success"}
        found = house.rest.get("/api/attempts", project="q", include_retried="true")["attempts"]
        assert sorted((one["sessionTime"], one["params"]["n"], one["success"]) for one in found) == [
            ("2025-02-01T09:00:00+09:00", 2, False), ("2025-03-01T09:00:00+09:00", 1, True)]
        messages = {}
        for name in ("broken", "nobody"):
            tasks = house.rest.get(f"/api/attempts/{parents[name]}/tasks")["tasks"]
            messages[name] = next(task["error"]["message"] for task in tasks if task["fullName"] == f"+{name}+a")
        failed = next(one for one in found if not one["success"])
        assert messages["broken"] == (f"Dependent workflow failed. Session id: {failed['sessionId']}, "
                                      f"attempt id: {failed['id']}")
        assert messages["nobody"] == ("Dependent workflow does not exist. projectName:q, workflowName:chld "
                                      "(project 'q' has no workflow 'chld'; did you mean 'child'?)")
        assert not installation.lambdas.failures


def test_e140_a_local_run_runs_the_other_workflow_in_the_same_process(tmp_path: Path) -> None:
    """The workflow requires its own session of the day before: saved states of one are not taken for the other."""
    (tmp_path / "days.dig").write_text(
        "+say: {echo>: '${session_date}'}\n"
        "+before:\n  if>: ${moment(session_time).isAfter('2025-01-02')}\n"
        "  _do: {require>: days, session_time: '${moment(session_time).subtract(1, \"days\").format()}'}\n"
        "+end: {fail>: 'end of ${session_date}'}\n")
    source = os.pathsep.join(path for path in sys.path if path)
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": source, "HOME": str(tmp_path)}

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "skydag", "run", "days.dig", "--session", "2025-01-03"], env=env,
                              cwd=tmp_path, text=True, capture_output=True, check=False, timeout=60)

    first = run()
    assert (first.returncode, first.stdout.split()) == (1, ["2025-01-03", "2025-01-02"]), first.stderr
    assert "Dependent workflow failed. Session id: 2, attempt id: 2" in first.stderr
    assert run().stdout.split() == ["2025-01-02"], "its own +say was saved, that of the day before was not"
