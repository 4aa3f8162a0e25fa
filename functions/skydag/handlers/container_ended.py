"""ECS task state change -> the end of a container that could not report itself (A-73, A-99)."""

from __future__ import annotations

from typing import Any

from skydag.app.application import Application
from skydag.app.log import logger
from skydag.bootstrap import from_environment

LOG = logger(__name__)


def handler(event: dict[str, Any], context: Any) -> None:
    handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> None:
    """A container that delivered its report has nothing left to say here: the report came first."""
    detail = event["detail"]
    if detail.get("lastStatus") != "STOPPED":
        return
    key = _job_key(detail)
    if key is None:
        LOG.warning("a container without a job",
                    extra={"action": "container_unknown", "task_arn": detail.get("taskArn")})
        return
    job = application.job_at(key)
    application.record.lost(int(job["attempt"]["id"]), job["path"], job["run"], job["token"], _reason(detail),
                            application.now(), is_crash=False)


def _job_key(detail: dict[str, Any]) -> str | None:
    for override in detail.get("overrides", {}).get("containerOverrides", []):
        for variable in override.get("environment", []):
            if variable.get("name") == "SKYDAG_JOB":
                return str(variable["value"])
    return None


def _reason(detail: dict[str, Any]) -> str:
    containers = detail.get("containers", [])
    code = next((c["exitCode"] for c in containers if c.get("name") == "worker" and "exitCode" in c), None)
    parts = [str(detail.get("stoppedReason") or "")] + [str(c["reason"]) for c in containers if c.get("reason")]
    why = ", ".join(part for part in parts if part) or "no reason given"
    return f"the container ended before the task did (exit code {code}): {why}" if code is not None \
        else f"the container did not run: {why}"
