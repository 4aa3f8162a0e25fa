"""Which rows of an old attempt a new one takes over: answered, and kept, before it is started (E-100, E-110)."""

from __future__ import annotations

from skydag.app.tasks import Rows, TaskRow
from skydag.engine import resume as engine
from skydag.errors import NotFoundError
from skydag.model.session import Resume
from skydag.store import resumes
from skydag.store.attempts import AttemptStore
from skydag.store.resumes import Old, Resumes


class Resuming:
    def __init__(self, attempts: AttemptStore, rows: Rows, kept: Resumes) -> None:
        self._attempts, self._rows, self._resumes = attempts, rows, kept

    def __call__(self, resume: Resume, request: str) -> str | None:
        """What the new attempt is to hold, None where there is nothing to take over. request: of its start.

        An attempt that there is not has no rows: in mode `failed` everything runs, a pattern matches nothing.
        Raises InvalidError with every refusal of E-111 and E-112."""
        try:
            rows = self._rows(self._attempts.get(resume.attempt_id))
        except NotFoundError:
            rows = []
        taken = engine.failed(rows) if resume.start_from is None else engine.before(rows, resume.start_from)
        entries: dict[str, dict[str, Old]] = {}
        parents = {row.id: row.full_name for row in rows}
        for row in taken:
            if row.parent_id is not None:
                parent = parents[row.parent_id]
                entries.setdefault(parent, {})[row.full_name[len(parent):]] = Old(_kind(row), row.path)
        return self._resumes.keep(resume.attempt_id, request, entries)


def _kind(row: TaskRow) -> str:
    if row.is_group:
        return resumes.GROUP
    if row.has_generated:
        return resumes.GENERATED
    return resumes.STORES if row.has_stored else resumes.EMPTY
