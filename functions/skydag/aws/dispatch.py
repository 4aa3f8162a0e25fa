"""Work is handed over: asynchronous Lambda calls, and containers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from skydag.aws.containers import Containers
from skydag.aws.invoke import LambdaInvoker
from skydag.errors import IllegalStepError, TaskError
from skydag.ports import Payload

CALLS_AT_ONCE = 16
ONLY_LOCAL = ("build", "build_options", "run_options")      # of docker:, obeyed where the docker command runs


class LambdaDispatch:
    """ports.Dispatch. work, script, finish: names or ARNs of functions. containers: None where there is no cluster."""

    def __init__(
        self, invoker: LambdaInvoker, *, work: str, script: str, finish: str = "", containers: Containers | None = None,
    ) -> None:
        self._finish = finish
        self._invoker, self._work, self._script, self._containers = invoker, work, script, containers

    def work(self, jobs: Sequence[Payload]) -> None:
        """Every job is tried, whatever becomes of the others; then the first trouble is raised."""
        if len(jobs) == 1:
            self._invoker.call(self._work, jobs[0].to_json())
            return
        calls = [self._pool.submit(self._invoker.call, self._work, job.to_json()) for job in jobs]
        troubles = [trouble for call in calls if (trouble := call.exception()) is not None]
        if troubles:
            raise troubles[0]

    def script(self, job: Mapping[str, Any]) -> None:
        self._invoker.call(self._script, job)

    def container(self, job: Mapping[str, Any], *, token: str) -> str:
        return self._cluster.run(job, token=token, attempt_id=int(job["attempt"]["id"]), image=image_of(job))

    def stop_container(self, container: str, reason: str) -> None:
        self._cluster.stop(container, reason)

    def report(self, report: Mapping[str, Any]) -> None:
        self._invoker.call(self._finish, report)

    def secrets(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._invoker.call_and_wait(self._finish, question)
        return answer

    @property
    def _cluster(self) -> Containers:
        if self._containers is None:
            raise IllegalStepError("this function has no cluster: SKYDAG_CLUSTER is not set")
        return self._containers

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        self._invoker.prepare()             # clients are made in one thread: a boto3 session is not for several
        return ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="dispatch")


def image_of(job: Mapping[str, Any]) -> str | None:
    """`docker: {image: ...}` of the job's evaluated config. TaskError for keys that would give another container."""
    docker = job["config"].get("docker")
    if isinstance(docker, Mapping) and (unfit := [key for key in ONLY_LOCAL if docker.get(key)]):
        raise TaskError(f"docker: {', '.join(unfit)} is not supported on ECS yet: build the image, push it to a "
                        f"registry, and name it as docker: {{image: ...}} (config)")
    image = docker.get("image") if isinstance(docker, Mapping) else None
    return str(image) if image else None
