"""Which goldens are played, and which not yet, each with the reason. What is not yet may only get less: a test asks for
every file, and a step or case that holds must leave its list."""

from __future__ import annotations

REST_ON_MEMORY = (
    "version", "projects-get", "project-names", "workflows", "push-errors", "session-time", "archive", "schedules",
    "schedule-push", "attempts-start",
)
REST_RUNNING = ("attempts-start", "tasks", "kill", "retry-resume")
REST_NOT_YET = {
    "backfill": "POST schedules/{id}/backfill comes with backfill",
    "delete": "DELETE projects/{id} comes later",
    "schedule-skip": "POST schedules/{id}/skip comes with reschedule",
}

CLI_LOCAL = ("general", "check", "run", "run-select")
CLI_ON_MEMORY = ("push",)
CLI_RUNNING = ("start", "kill", "schedules")
CLI_NOT_YET = {
    "archive": "the commands archive, upload and download come later",
    "delete": "the command delete comes later",
}

_RESCHEDULE = "the command reschedule comes later"
_BACKFILL = "the command backfill comes later"
STEPS_NOT_YET: dict[str, dict[str, str]] = {
    "cli/schedules": {
        **dict.fromkeys(("reschedule-dry", "reschedule-to", "reschedule-run-at", "reschedule-past",
                         "reschedule-skip-past", "reschedule-unix"), _RESCHEDULE),
        **dict.fromkeys(("backfill-dry", "backfill-count", "backfill-same-name", "backfill-too-many", "backfill-uuid",
                         "backfill-nothing", "backfill-unscheduled"), _BACKFILL),
    },
}


def compare(name: str, failed: dict[str, list[str]]) -> None:
    """Fails for every difference that is not on the list, and for every entry that has become untrue."""
    known = STEPS_NOT_YET.get(name, {})
    unexpected = {step: found for step, found in failed.items() if step not in known}
    assert not unexpected, "\n".join(f"{name}/{step}: {line}" for step, lines in unexpected.items() for line in lines)
    assert not set(known) - set(failed), "these hold now: take them from STEPS_NOT_YET"
