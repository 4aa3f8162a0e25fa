"""Every command: its module, its other names, and what it does."""

from __future__ import annotations

COMMANDS: dict[str, tuple[str, tuple[str, ...], str]] = {
    # name: (module, aliases, what it does)
    "init": ("init", ("new",), "make a project with an example that runs"),
    "run": ("run", ("r",), "run a workflow on this machine"),
    "check": ("check", ("c",), "check the workflows of a project directory"),
    "show": ("show", (), "show the tasks of a workflow, as text or as a flowchart"),
    "server": ("server", (), "run a whole installation on this machine, with its REST API"),
    "demo": ("demo", (), "show a whole installation at work, from an upload to an alert"),
    "push": ("push", (), "upload a project"),
    "projects": ("projects", ("project",), "list projects, or show one"),
    "workflows": ("workflows", ("workflow",), "list workflows, or show a definition"),
    "schedules": ("schedules", ("schedule",), "list schedules"),
    "disable": ("disable", (), "stop schedules from starting sessions"),
    "enable": ("enable", (), "let disabled schedules start sessions again"),
    "start": ("start", (), "start a session of a workflow"),
    "retry": ("retry", (), "start a further attempt, of all tasks or where an old one stopped"),
    "sessions": ("sessions", ("session",), "list sessions, or show one"),
    "attempts": ("attempts", (), "list attempts"),
    "attempt": ("attempt", (), "show one attempt"),
    "tasks": ("tasks", ("task",), "list the tasks of an attempt"),
    "log": ("log", ("logs",), "print or follow the logs of an attempt"),
    "kill": ("kill", (), "ask a running attempt to stop"),
    "heal": ("heal", (), "recompute an attempt that got stuck from its tasks"),
    "version": ("version", (), "print the versions of client and server"),
}

LATER = frozenset({
    "scheduler", "sched", "archive", "upload", "download", "reschedule", "backfill", "delete",
    "secrets", "secret", "migrate", "selfupdate",
})                                          # Digdag's, not here yet

GROUPS = (
    ("On this machine", ("init", "run", "check", "show", "server", "demo")),
    ("Projects", ("push", "projects", "workflows", "schedules", "disable", "enable")),
    ("Sessions", ("start", "retry", "sessions", "attempts", "attempt", "tasks", "log", "kill", "heal")),
    ("Other", ("version",)),
)
