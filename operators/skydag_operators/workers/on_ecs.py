"""A container's entry point: one task of user code, its job in the project bucket at `SKYDAG_JOB`.

    python -m skydag_operators.workers.on_ecs

Exits with 0 when the report was delivered, whatever became of the task: `finish` has it then. Anything else, and ECS's
event about the ended container tells `container_ended` that the run was lost.
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
    key = os.environ.get(JOB)
    if not key:
        LOG.error("%s is not set: this container is started by skydag, with the key of a job", JOB)
        return 64
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    script = _wiring.from_environment("container")
    job = script.stored(key)
    LOG.info("runs a task", extra={"action": "container", "task": job["task_name"]})
    script(job, should_stop=lambda: stop.is_asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
