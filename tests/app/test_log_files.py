"""Outputs that were kept with the tasks' results are log files like others (R-65 to R-67)."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime

from skydag.app.log_files import LogFiles
from skydag.app.tasks import TaskRow
from skydag.local.objects import MemoryObjects
from skydag.model.task import State
from skydag.store.logs import ObjectLogs

AT = datetime(2025, 1, 1, tzinfo=UTC)


def row(number: int, state: State = State.SUCCESS, output: str = "") -> TaskRow:
    return TaskRow(id=1_000_000 + number, full_name=f"+w+t{number}", parent_id=None, config={}, upstreams=(),
                   state=state, cancel_requested=False, export_params={}, store_params={}, state_params={},
                   updated_at=AT, retry_at=None, started_at=AT, number=number, output=output)


class Attempt:
    """An attempt whose rows are counted when somebody walks them."""

    def __init__(self, state: State) -> None:
        self.rows, self.walks = [row(1, state), row(2, output="two\n"), row(3), row(4, output="four\n")], 0
        stored = ObjectLogs(MemoryObjects(), agent="test", clock=lambda: AT)
        self.logs = LogFiles(stored, self._walk)

    def _walk(self, attempt_id: int) -> Sequence[TaskRow]:
        self.walks += 1
        return self.rows


def test_every_kept_output_is_a_file_that_comes_with_the_list() -> None:
    attempt = Attempt(State.SUCCESS)
    files = attempt.logs.files(7)
    assert [file.task_name for file in files] == ["+w+t2", "+w+t4"]
    for file in files:
        assert file.content == attempt.logs.read(7, file.name)
        assert file.size == len(file.content)
    assert gzip.decompress(attempt.logs.read(7, files[0].name)) == b"two\n"


def test_the_rows_of_a_done_attempt_are_walked_once_however_many_files_are_read() -> None:
    attempt = Attempt(State.GROUP_ERROR)
    for file in attempt.logs.files(7):
        attempt.logs.read(7, file.name)
    assert attempt.walks == 1                                           # F-6


def test_a_running_attempt_is_looked_at_anew() -> None:
    attempt = Attempt(State.PLANNED)
    assert len(attempt.logs.files(7)) == 2
    attempt.rows.append(row(5, output="five\n"))
    assert len(attempt.logs.files(7)) == 3
