"""The one transaction that starts an attempt (engine.md section 13, E-100 to E-103).

What makes a repeat harmless: the attempt carries the `request` it was made for. Who finds the session taken looks
whether it was his own start whose answer was lost, and then has his attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from skydag.errors import ConflictError, LimitError, UnavailableError
from skydag.model.ids import AttemptId, SessionId, padded
from skydag.model.project import StoredWorkflow
from skydag.model.records import dataclass, field
from skydag.model.session import Attempt
from skydag.ports import Absent, AnyOf, AtMost, Condition, Is, Item, Lost, Put, Table, Update
from skydag.store import counters, pages
from skydag.store import registry_keys as keys
from skydag.store.attempt_items import attempt_item, attempt_of
from skydag.store.project_items import key
from skydag.store.times import to_text
from skydag.store.values import Blobs

TRIES_MAX = 20
PLAIN = ""                          # stands for "no name" among a session's attempt names


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """What a start asks for. `request`: the same for every repeat of the same start, and of no other ("schedule-5-
    <session time>", or a token): a repeat whose first answer was lost gets the attempt that the first one made."""

    workflow: StoredWorkflow
    session_time: datetime              # aware; cut to seconds (E-105)
    session_uuid: str                   # used if the session is new
    request: str
    params: Mapping[str, Any] = field(default_factory=dict)
    retry_attempt_name: str | None = None
    sla_at: datetime | None = None
    resume: str | None = None           # store/resumes


class SessionExists(ConflictError):
    """E-101, R-58: `Session already exists`. `attempt` is the one with that name, or without a name the last one."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__("Session already exists")
        self.attempt = attempt


Also = Callable[[Attempt], Sequence[Put]]


class Starts:
    """Used by AttemptStore.create."""

    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs

    def create(self, new: NewAttempt, *, also: Also, attempt_limit: int, now: datetime) -> Attempt:
        attempt_id: int | None = None
        session_id: int | None = None
        for _ in range(TRIES_MAX):
            session = self._table.get(*self._session_key(new))
            made = self._made_before(new, session, attempt_limit)
            if made is not None:
                return made
            attempt_id = attempt_id or counters.take(self._table, "attempt")
            if session is None:
                session_id = session_id or counters.take(self._table, "session")
            attempt = self._attempt(new, session, attempt_id, session_id, now)
            writes = [*self._writes(new, attempt, session, attempt_limit), *also(attempt)]
            try:
                self._table.transact(writes, token=pages.token("start", new.request, attempt.id, writes))
            except Lost as lost:
                if lost.reasons[0][0] and not lost.reasons[1][0]:
                    self._refuse_over_limit(attempt_limit, lost.reasons[0][1])
                continue                # somebody else started an attempt of this session: read it again
            return attempt
        raise UnavailableError("this session is being started by too many at once; try again")

    def _session_key(self, new: NewAttempt) -> keys.Key:
        return keys.session(new.workflow.project_id, new.workflow.name, new.session_time)

    def _made_before(self, new: NewAttempt, session: Item | None, attempt_limit: int) -> Attempt | None:
        """Our own attempt if this start is a repeat. Raises if the name is taken in the session."""
        name = new.retry_attempt_name or PLAIN
        if session is None or name not in session["names"]:
            return None
        held = self._table.get(*keys.attempt(session["attempts"][session["names"].index(name)]))
        assert held is not None                     # one transaction wrote both
        if held["request"] == new.request:
            return attempt_of(held, self._blobs)
        self._refuse_over_limit(attempt_limit, None)        # E-122: checked before the conflict
        if name == PLAIN and session["last"] != held["id"]:
            held = self._table.get(*keys.attempt(session["last"]))
            assert held is not None
        raise SessionExists(attempt_of(held, self._blobs))

    def _attempt(
        self, new: NewAttempt, session: Item | None, attempt_id: int, session_id: int | None, now: datetime,
    ) -> Attempt:
        workflow = new.workflow
        number, uuid, index = (session_id, new.session_uuid, 1) if session is None else (
            session["id"], session["uuid"], len(session["attempts"]) + 1)
        assert number is not None
        return Attempt(
            id=AttemptId(attempt_id), index=index, session_id=SessionId(number), session_uuid=uuid,
            session_time=_whole(new.session_time), project_id=workflow.project_id, project_name=workflow.project_name,
            workflow_id=workflow.id, workflow_name=workflow.name, revision=workflow.revision,
            timezone=workflow.timezone, created_at=_whole(now), retry_attempt_name=new.retry_attempt_name,
            params=dict(new.params), archive=workflow.archive, definition=workflow.pages,
            sla_at=None if new.sla_at is None else _whole(new.sla_at), resume=new.resume,
        )

    def _writes(
        self, new: NewAttempt, attempt: Attempt, session: Item | None, attempt_limit: int,
    ) -> list[Put | Update]:
        """The counter first, the session second: `create` reads the reasons of a loss by these places."""
        pk, sk = keys.counter("open")
        lists = keys.listings(keys.ATTEMPTS, attempt.project_id, attempt.workflow_name)
        writes: list[Put | Update] = [
            Update(pk=pk, sk=sk, add={"n": 1}, condition=_below(attempt_limit)),
            self._session_write(attempt, session),
            Put(item=attempt_item(attempt, request=new.request, task_count=new.workflow.task_count, blobs=self._blobs),
                condition=Absent()),
            Put(item=key(keys.open_row(attempt.id)) | {"project_id": attempt.project_id,
                                                       "workflow": attempt.workflow_name}),
            *(Put(item={"pk": one, "sk": padded(attempt.id)}) for one in lists),
        ]
        if session is None:
            row = {"sk": padded(attempt.session_id), "project_id": attempt.project_id,
                   "workflow": attempt.workflow_name, "time": to_text(attempt.session_time)}
            lists = keys.listings(keys.SESSIONS, attempt.project_id, attempt.workflow_name)
            writes += (Put(item={"pk": one} | row) for one in lists)
        else:
            writes += (Update(pk=one, sk=padded(session["last"]), assign={"retried": True}) for one in lists)
        return writes

    def _session_write(self, attempt: Attempt, session: Item | None) -> Put | Update:
        pk, sk = keys.session(attempt.project_id, attempt.workflow_name, attempt.session_time)
        name = attempt.retry_attempt_name or PLAIN
        if session is None:
            return Put(condition=Absent(), item={
                "pk": pk, "sk": sk, "id": attempt.session_id, "uuid": attempt.session_uuid, "last": attempt.id,
                "attempts": [attempt.id], "names": [name]})
        return Update(pk=pk, sk=sk, condition=Is("last", session["last"]), assign={
            "last": attempt.id, "attempts": [*session["attempts"], attempt.id], "names": [*session["names"], name]})

    def _refuse_over_limit(self, limit: int, counter: Item | None) -> None:
        counter = counter or self._table.get(*keys.counter("open"))
        current = 0 if counter is None else counter["n"]
        if current >= limit:
            raise LimitError(f"Too many attempts running. Limit: {limit}, Current: {current}")


def _below(limit: int) -> Condition:
    """One more is allowed. The counter's item is absent until the first attempt."""
    below = AtMost("n", limit - 1)
    return AnyOf((Absent(), below)) if limit > 0 else below


def _whole(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(microsecond=0)
