"""Start an attempt of a workflow: whoever asks, the schedule or a person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from skydag.app.advance import Advance
from skydag.app.schedule_params import schedule_params
from skydag.language.bodies import check_exports
from skydag.language.sla import sla_time
from skydag.model.params import merge
from skydag.model.project import StoredWorkflow
from skydag.model.session import Attempt, Resume
from skydag.ports import Chance
from skydag.store.starts import NewAttempt


class Start:
    def __init__(self, advance: Advance, chance: Chance, *, attempt_limit: int) -> None:
        self._advance, self._chance, self._attempt_limit = advance, chance, attempt_limit

    def __call__(
        self, workflow: StoredWorkflow, session_time: datetime, *, params: Mapping[str, Any],
        retry_attempt_name: str | None = None, run_time: datetime | None = None, request: str | None = None,
        resume: Resume | None = None, now: datetime,
    ) -> Attempt:
        """E-100. run_time: when it was due, for the SLA (S-93); default now. request: the same for every repeat of the
        same start; default one of its own. Raises SessionExists, LimitError, InvalidError (resume is refused)."""
        check_exports(workflow.name, workflow.config)
        base, request = run_time or now, request or self._chance.token()
        taken_over = None if resume is None else self._taken_over(resume, request)
        new = NewAttempt(
            workflow=workflow, session_time=session_time.replace(microsecond=0), session_uuid=self._chance.uuid(),
            request=request, retry_attempt_name=retry_attempt_name, resume=taken_over,
            params=merge(params, schedule_params(workflow, session_time)),
            sla_at=sla_time(workflow.sla, base, workflow.timezone) if workflow.sla else None)
        attempt = self._advance.attempts.create(
            new, also=lambda made: [self._advance.root_item(made, now)], attempt_limit=self._attempt_limit, now=now)
        self._advance.root_born(attempt, now)
        return attempt

    def _taken_over(self, resume: Resume, request: str) -> str | None:
        from skydag.app.resume import Resuming
        from skydag.app.tasks import Rows

        advance = self._advance
        return Resuming(advance.attempts, Rows(advance.tasks, advance.definitions), advance.resumes)(resume, request)


def request_id(*parts: object) -> str:
    """What names one start for all its repeats."""
    import hashlib

    return hashlib.sha256("\x00".join(map(str, parts)).encode()).hexdigest()[:32]
