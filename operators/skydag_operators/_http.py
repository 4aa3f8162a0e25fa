"""What http> and http_call> share: the request, and what its answer means (O-142)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from skydag.errors import ConfigError, TaskError
from skydag.model.params import merge
from skydag.spi import Again, TaskRequest
from skydag_operators._http_exchange import Answer, exchange
from skydag_operators._http_wanted import Wanted
from skydag_operators._http_wire import NoAnswerError

ALWAYS_REPEATED: Final = (408, 429)     # also with `retry: false`
SHOWN_CHARS_MAX: Final = 200
CONTENT_CHARS_MAX: Final = 65_536
PAUSE_S_MAX: Final = 30
STATE: Final = "request"                # Digdag's name for it in the task's state


def answered(request: TaskRequest, wanted: Wanted, *, chars_max: int) -> Answer:
    """An answer of 2xx or 3xx. Raises TaskError, or Again where another try may help: there is no last one (O-23)."""
    asked = f"{wanted.method} {wanted.address.shown}"
    try:
        answer = exchange(wanted, chars_max=max(chars_max, SHOWN_CHARS_MAX))
    except NoAnswerError as trouble:
        told = f"{asked}: {wanted.seen.hide(str(trouble))}"
        if not wanted.is_retried:
            raise TaskError(told) from None
        raise _again(request, told) from None
    except ConfigError as wrong:
        raise TaskError(f"{asked} redirects to what cannot be followed: {wrong}") from None
    except TaskError as failed:
        raise TaskError(f"{asked}: {wanted.seen.hide(str(failed))}") from None
    told = f"{asked} - {answer.status} {answer.reason}: {wanted.seen.hide(answer.content)[:SHOWN_CHARS_MAX]}"
    if 200 <= answer.status < 400:
        return answer
    if answer.status in ALWAYS_REPEATED or (500 <= answer.status < 600 and wanted.is_retried):
        raise _again(request, told)
    if 400 <= answer.status < 600:
        kind = "4XX Client" if answer.status < 500 else "5XX Server"
        raise TaskError(f"HTTP {kind} Error: {told}")
    raise TaskError(f"Unexpected HTTP status: {told}")


def _again(request: TaskRequest, why: str) -> Again:
    before = request.state.get(STATE)
    count = int(before.get("retry", 0)) if isinstance(before, Mapping) else 0
    pause_s = min(2 ** min(count, 10), PAUSE_S_MAX)
    request.log(f"{why}\nAsked again in {pause_s} s (try {count + 2})")
    return Again(pause_s, {**request.state, STATE: {"retry": count + 1}})


def with_block(request: TaskRequest) -> dict[str, Any]:
    """The parameters with the block `http` below them (O-18), for an operator of another name."""
    block = request.config.get("http")
    return merge(block, request.config) if isinstance(block, Mapping) else dict(request.config)


def check_length(answer: Answer, most: int) -> None:
    if answer.length > most:
        raise TaskError(f"Response content too large: {answer.length} > {most}")
