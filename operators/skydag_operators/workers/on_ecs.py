"""A container's entry point: one task of user code, its job in the project bucket at `SKYDAG_JOB`.

    python -m skydag_operators.workers.on_ecs

Exits with 0 when `finish` has recorded the report, whatever became of the task. It waits for that: ECS's event about
the ended container would otherwise overtake the report, and `container_ended` take the run for lost.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType
from typing import Final

from skydag_operators.workers import _wiring

LOG = logging.getLogger(__name__)
JOB: Final = "SKYDAG_JOB"


class Stop:
    """Said by StopTask: SIGTERM, and 30 seconds until SIGKILL."""

    def __init__(self) -> None:
        self.is_asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.is_asked = True


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    key = os.environ.get(JOB)
    if not key:
        LOG.error("%s is not set: this container is started by skydag, with the key of a job", JOB)
        return 64
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    script = _wiring.from_environment("container", is_waiting=True)
    job = script.stored(key)
    LOG.info("runs a task", extra={"action": "container", "task": job["task_name"]})
    script(job, should_stop=lambda: stop.is_asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
