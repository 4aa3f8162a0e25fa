"""Keys of everything but groups and tasks: projects, schedules, sessions, attempts, and the lists of them.

| item | pk | sk | holds |
|---|---|---|---|
| project | project#<id> | project | name, latest revision and its number, times, `workflows`: sk of its row there |
| revision | project#<id> | revision#<number> | name, archive, hashes, `names` of workflows by rising id, `schedules` |
| name of a project | project_name#<name> | name | `project_id` of the live project |
| name of a revision | revision_name#<project id>#<name> | name | its `number` |
| projects | projects | <project id> | name: the list of live projects |
| workflows | workflows | <first workflow id> | the latest revision of a live project: `project_id`, `number` |
| definition | workflow#<id> | workflow | config, pages, time zone: immutable, seen once a revision names it |
| schedule | schedules | <schedule id> | S-1, and `version`; is there once the latest revision names it |
| skip | skips#<schedule id> | <session time> | due times that started nothing: until, count, reason (90 days) |
| session | session#<project id>#<workflow> | <session time> | id, uuid, `attempts` and `names` side by side, `last` |
| sessions | sessions[#<project id>[#<workflow>]] | <session id> | where the session lies |
| attempt | attempt#<id> | attempt | model.session.Attempt, params as a pointer, `request`, `task_count` |
| task numbers | attempt#<id> | numbers | `n`: the last number taken; absent: task_count |
| attempts | attempts[#<project id>[#<workflow>]] | <attempt id> | `retried`: not its session's last attempt |
| open attempts | open | <attempt id> | project and workflow of an attempt that is not done |
| counter | counter#<kind> | n | `n`: the last id given; kind `open`: how many attempts are not done |

Ids in keys are padded (model.ids), times are ISO text, UTC, whole seconds. A name may have 1,020 bytes, too many for a
sort key (1,024), so names stand in partition keys (2,048). None of these items has `act`: the stream passes them by.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from skydag.model.ids import padded
from skydag.store.times import to_text

Key = tuple[str, str]

PROJECTS: Final = "projects"
WORKFLOWS: Final = "workflows"
SCHEDULES: Final = "schedules"
SESSIONS: Final = "sessions"
ATTEMPTS: Final = "attempts"
OPEN: Final = "open"
REVISION: Final = "revision#"


def project(project_id: int) -> Key:
    return f"project#{padded(project_id)}", "project"


def revision(project_id: int, number: int) -> Key:
    return f"project#{padded(project_id)}", f"{REVISION}{padded(number)}"


def project_name(name: str) -> Key:
    return f"project_name#{name}", "name"


def revision_name(project_id: int, name: str) -> Key:
    return f"revision_name#{padded(project_id)}#{name}", "name"


def projects_row(project_id: int) -> Key:
    return PROJECTS, padded(project_id)


def workflows_row(first_workflow_id: int) -> Key:
    return WORKFLOWS, padded(first_workflow_id)


def workflow(workflow_id: int) -> Key:
    return f"workflow#{padded(workflow_id)}", "workflow"


def schedule(schedule_id: int) -> Key:
    return SCHEDULES, padded(schedule_id)


def skips(schedule_id: int) -> str:
    return f"skips#{padded(schedule_id)}"


def sessions_of(project_id: int, workflow_name: str) -> str:
    return f"session#{padded(project_id)}#{workflow_name}"


def session(project_id: int, workflow_name: str, session_time: datetime) -> Key:
    return sessions_of(project_id, workflow_name), to_text(session_time)


def attempt(attempt_id: int) -> Key:
    return f"attempt#{padded(attempt_id)}", "attempt"


def task_numbers(attempt_id: int) -> Key:
    return f"attempt#{padded(attempt_id)}", "numbers"


def open_row(attempt_id: int) -> Key:
    return OPEN, padded(attempt_id)


def listing(of: str, project_id: int | None, workflow_name: str | None) -> str:
    """The partition of a list of sessions or attempts: of the site, a project, or a workflow."""
    if project_id is None:
        return of
    return f"{of}#{padded(project_id)}" + ("" if workflow_name is None else f"#{workflow_name}")


def listings(of: str, project_id: int, workflow_name: str) -> tuple[str, str, str]:
    """All three lists that a session or an attempt stands in."""
    return listing(of, None, None), listing(of, project_id, None), listing(of, project_id, workflow_name)


def counter(kind: str) -> Key:
    return f"counter#{kind}", "n"
