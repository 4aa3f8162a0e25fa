"""Reports of `script` and containers, and calls of `work` and `script` that failed (A-6), become results.

A worker whose task names secrets asks here for them, and waits for the answer (app/grants.py)."""

from __future__ import annotations

from typing import Any

from skydag.app.application import Application
from skydag.bootstrap import from_environment

#: What Lambda says of a run that repeating would not mend; anything else broke on our side and is repeated.
_VERDICTS = ("Task timed out", "Runtime exited", "OutOfMemory", "Sandbox.Timedout", "signal: killed")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return handle(event, context, from_environment())


def handle(event: dict[str, Any], context: Any, application: Application) -> dict[str, Any]:
    if "requestContext" in event:
        _failed_call(event, application)
    elif "secrets" in event:
        return application.secrets_of(event)
    else:
        application.record.report(application.unspilled(event), application.now())
    return {"ok": True}


def _failed_call(event: dict[str, Any], application: Application) -> None:
    """A record of Lambda's on-failure destination: what was asked, and what went wrong."""
    job = application.unspilled(event["requestPayload"])
    payload = event.get("responsePayload") or {}
    text = str(payload.get("errorMessage") or event["requestContext"].get("condition") or "no reason given")
    kind = str(payload.get("errorType") or "")
    is_verdict = any(word in text or word in kind for word in _VERDICTS)
    is_script = "token" in job
    token = job["token"] if is_script else event["requestContext"]["requestId"]
    application.record.lost(
        int(job["attempt"]["id"]), job["path"], job["run"], token, _reason(text, is_script=is_script),
        application.now(), is_crash=not is_verdict and not is_script, seat=job.get("seat", ""))


def _reason(text: str, *, is_script: bool) -> str:
    where = "the function that runs scripts" if is_script else "the function that runs operators"
    hint = "; longer tasks belong in a container: give the task `docker: {image: ...}`" if "timed out" in text else ""
    return f"{where} ended before the task did: {text}{hint}"
