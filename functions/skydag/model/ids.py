"""Ids as types of their own: a project id is not an attempt id.

All are decimal integers, rising with creation order within their kind (R-3). A task's id is its attempt's id times
TASKS_PER_ATTEMPT plus its number within the attempt, so it is unique in the installation and still short.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NewType

ProjectId = NewType("ProjectId", int)
WorkflowId = NewType("WorkflowId", int)
ScheduleId = NewType("ScheduleId", int)
SessionId = NewType("SessionId", int)
AttemptId = NewType("AttemptId", int)
TaskId = NewType("TaskId", int)

TASKS_PER_ATTEMPT = 1_000_000
ID_DIGITS = 12


@lru_cache(maxsize=256)
def padded(number: int) -> str:
    """An id as text that sorts as the number does."""
    return f"{number:0{ID_DIGITS}d}"


def task_id(attempt_id: AttemptId, number: int) -> TaskId:
    """number: 1 for the root task, then in compile order."""
    return TaskId(attempt_id * TASKS_PER_ATTEMPT + number)
