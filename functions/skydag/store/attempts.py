"""Sessions and attempts (engine.md section 13, rest-api.md sections 9 and 10). Items: registry_keys.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

from skydag.errors import ConflictError, IllegalStepError, LimitError, NotFoundError
from skydag.model.ids import TASKS_PER_ATTEMPT, SessionId, padded
from skydag.model.records import dataclass
from skydag.model.session import Attempt
from skydag.ports import Absent, AtMost, Delete, Item, Lost, Missing, Table, Update
from skydag.store import pages
from skydag.store import registry_keys as keys
from skydag.store.attempt_items import attempt_of, from_json, to_json
from skydag.store.project_items import key
from skydag.store.starts import Also, NewAttempt, SessionExists, Starts
from skydag.store.times import to_text, to_time
from skydag.store.values import Blobs

__all__ = ["Also", "AttemptStore", "NewAttempt", "Session", "SessionExists", "from_json", "to_json"]

NUMBERS_MAX = TASKS_PER_ATTEMPT     # numbers above it would be another attempt's


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """R-20. The workflow's id, the project's name and the time zone are the last attempt's."""

    id: SessionId
    uuid: str
    time: datetime
    project_id: int
    workflow_name: str
    last: Attempt


class AttemptStore:
    def __init__(self, table: Table, blobs: Blobs) -> None:
        self._table, self._blobs = table, blobs
        self._starts = Starts(table, blobs)

    # --- one attempt

    def create(self, new: NewAttempt, *, also: Also, attempt_limit: int, now: datetime) -> Attempt:
        """One transaction: session, attempt, list rows, the counter of open attempts, and what `also` gives.

        Raises SessionExists (E-101), LimitError `Too many attempts running. Limit: 100, Current: 100` (R-13)."""
        return self._starts.create(new, also=also, attempt_limit=attempt_limit, now=now)

    def get(self, attempt_id: int) -> Attempt:
        """NotFoundError `Resource does not exist: session attempt id=…`."""
        return attempt_of(self._item(attempt_id), self._blobs)

    def finish(self, attempt_id: int, *, success: bool, now: datetime) -> bool:
        """Done, and one open attempt less. False if it was done already (perhaps by this very call, whose answer was
        lost): what has to follow must be safe to do again."""
        attempt, counter, row = keys.attempt(attempt_id), keys.counter("open"), keys.open_row(attempt_id)
        assign = {"done": True, "finished_at": to_text(now)} | ({"success": True} if success else {})
        writes = (
            Update(pk=attempt[0], sk=attempt[1], assign=assign, condition=Missing("done")),
            Update(pk=counter[0], sk=counter[1], add={"n": -1}),
            Delete(pk=row[0], sk=row[1]),
        )
        if "done" in self._item(attempt_id):
            return False
        try:
            self._table.transact(writes, token=pages.token("finish", attempt_id, success, to_text(now)))
        except Lost:
            self._item(attempt_id)
            return False
        return True

    def request_cancel(self, attempt_id: int, now: datetime) -> Attempt:
        """R-63: sets the flag; the attempt as it was before. ConflictError when it is done."""
        before = self._item(attempt_id)
        pk, sk = keys.attempt(attempt_id)
        try:
            if "done" not in before and "cancel" not in before:
                self._table.update(Update(pk=pk, sk=sk, assign={"cancel": True, "cancelled_at": to_text(now)},
                                          condition=Missing("done")))
        except Lost as lost:
            before = lost.found or before | {"done": True}
        if "done" in before:
            raise ConflictError("Session attempt already killed or finished")
        return attempt_of(before, self._blobs)

    def take_task_numbers(self, attempt_id: int, count: int, limit: int | None) -> int:
        """The first of `count` new task numbers of the attempt, by one conditional ADD; numbers behind the static tasks
        (1 to task_count). A crash may leave a gap. LimitError `Too many tasks. Limit: N, Current: M, Adding: K`."""
        pk, sk = keys.task_numbers(attempt_id)
        condition = AtMost("n", (NUMBERS_MAX if limit is None else limit) - count)
        for _ in range(2):
            try:
                last = self._table.update(Update(pk=pk, sk=sk, add={"n": count}, condition=condition))["n"]
            except Lost as lost:
                if lost.found is not None:
                    raise _too_many_tasks(condition.value + count, lost.found["n"], count) from None
                self._begin_numbers(attempt_id)
            else:
                assert isinstance(last, int)
                return last - count + 1
        raise IllegalStepError(f"attempt {attempt_id} has no counter of tasks although it was just made")

    # --- lists

    def attempts(
        self, project_id: int | None = None, workflow: str | None = None, *, include_retried: bool = False,
        last_id: int | None = None, count: int = 100,
    ) -> Sequence[Attempt]:
        """R-53: ids falling, smaller than last_id; without retried ones only each session's last attempt."""
        rows = self._falling(keys.listing(keys.ATTEMPTS, project_id, workflow), last_id)
        wanted = (int(row["sk"]) for row in rows if include_retried or "retried" not in row)
        return self._attempts(list(islice(wanted, max(0, count))))

    def session(self, session_id: int) -> Session:
        """NotFoundError `Resource does not exist: session id=…`."""
        return self._sessions([self._session_row(session_id)])[0]

    def sessions(
        self, project_id: int | None = None, workflow: str | None = None, *, last_id: int | None = None,
        count: int = 100,
    ) -> Sequence[Session]:
        """R-50: ids falling, smaller than last_id."""
        rows = self._falling(keys.listing(keys.SESSIONS, project_id, workflow), last_id)
        return self._sessions(list(islice(rows, max(0, count))))

    def session_at(self, project_id: int, workflow: str, session_time: datetime) -> Session | None:
        row = {"project_id": project_id, "workflow": workflow, "time": to_text(session_time)}
        found = self._sessions([row])
        return found[0] if found else None

    def session_attempts(self, session_id: int) -> Sequence[Attempt]:
        """R-51, R-54: every attempt of the session by rising index (reverse it for R-51). NotFoundError."""
        item = self._table.get(*_session_key(self._session_row(session_id)))
        assert item is not None
        return self._attempts(item["attempts"])

    def last_session_before(self, project_id: int, workflow: str, before: datetime) -> datetime | None:
        """S-80: the latest session time of the workflow earlier than `before`."""
        found = self._table.query(keys.sessions_of(project_id, workflow), before=to_text(before), descending=True,
                                  limit=1).items
        return to_time(found[0]["sk"]) if found else None

    def latest_active(self, project_id: int, workflow: str) -> Attempt | None:
        """S-46: an open attempt that is its session's last and not being killed, the newest of them."""
        rows = pages.rows(self._table, keys.OPEN, descending=True)
        ids = [int(row["sk"]) for row in rows if (row["project_id"], row["workflow"]) == (project_id, workflow)]
        for attempt in self._attempts(ids):
            if attempt.is_done or attempt.is_cancel_requested:
                continue
            session = self._table.get(*keys.session(project_id, workflow, attempt.session_time))
            if session is not None and session["last"] == attempt.id:
                return attempt
        return None

    def open_attempts(self, last_id: int | None = None, count: int = 100) -> Sequence[Attempt]:
        """Attempts that are not done, ids rising, greater than last_id: for `watch` (S-87)."""
        rows = pages.rows(self._table, keys.OPEN, after=None if last_id is None else padded(last_id))
        return self._attempts([int(row["sk"]) for row in islice(rows, count)])

    # --- inside

    def _item(self, attempt_id: int) -> Item:
        item = self._table.get(*keys.attempt(attempt_id))
        if item is None:
            raise NotFoundError(f"Resource does not exist: session attempt id={attempt_id}")
        return item

    def _begin_numbers(self, attempt_id: int) -> None:
        """The counter's item: made when it is first needed, so that most attempts have none."""
        item = key(keys.task_numbers(attempt_id)) | {"n": self._item(attempt_id)["task_count"]}
        try:
            self._table.put(item, Absent())
        except Lost:
            return                                      # somebody else made it, and may have taken numbers

    def _falling(self, pk: str, last_id: int | None) -> Iterator[Item]:
        return pages.rows(self._table, pk, before=None if last_id is None else padded(last_id), descending=True)

    def _attempts(self, ids: Sequence[int]) -> tuple[Attempt, ...]:
        items = pages.in_order(self._table, [keys.attempt(number) for number in ids])
        return tuple(attempt_of(item, self._blobs) for item in items)

    def _session_row(self, session_id: int) -> Item:
        row = self._table.get(keys.SESSIONS, padded(session_id))
        if row is None:
            raise NotFoundError(f"Resource does not exist: session id={session_id}")
        return row

    def _sessions(self, rows: Sequence[Item]) -> tuple[Session, ...]:
        """rows: of the lists of sessions."""
        items = self._table.get_many([_session_key(row) for row in rows]) if rows else {}
        last = {attempt.id: attempt for attempt in self._attempts([item["last"] for item in items.values()])}
        return tuple(
            Session(id=SessionId(item["id"]), uuid=item["uuid"], time=to_time(row["time"]),
                    project_id=row["project_id"], workflow_name=row["workflow"], last=last[item["last"]])
            for row in rows if (item := items.get(_session_key(row))) is not None
        )


def _session_key(row: Item) -> keys.Key:
    return keys.session(row["project_id"], row["workflow"], to_time(row["time"]))


def _too_many_tasks(limit: int, current: int, adding: int) -> LimitError:
    return LimitError(f"Too many tasks. Limit: {limit}, Current: {current}, Adding: {adding}")
