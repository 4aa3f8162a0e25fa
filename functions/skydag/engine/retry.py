"""Again, and when? `_retry` of groups and leaves (L-110, L-111)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from skydag.errors import ConfigError
from skydag.model.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    limit: int                          # retries, so limit + 1 runs
    interval_s: int = 0
    max_interval_s: int | None = None
    is_exponential: bool = False


def retry_wait(policy: RetryPolicy, retry_count: int) -> timedelta:
    """How long a failed task waits before it runs again.

        constant      interval
        exponential   interval * 2 ** retry_count, at most max_interval

    retry_count: retries already made, 0 at the first failure. As in Digdag, max_interval is ignored when constant.
    """
    if not policy.is_exponential:
        return timedelta(seconds=policy.interval_s)
    wait = policy.interval_s * 2 ** min(retry_count, 60)
    if policy.max_interval_s is not None:
        wait = min(wait, policy.max_interval_s)
    return timedelta(seconds=min(wait, 10**9))


def retry_time(policy: RetryPolicy, retry_count: int, now: datetime) -> datetime:
    """When it runs again; no wait is no wait."""
    wait = retry_wait(policy, retry_count)
    return whole_second(now + wait) if wait else now


def polled(state: Mapping[str, Any], retry_count: int) -> Mapping[str, Any]:
    """The state that a poll leaves: it forgets no retry (E-59)."""
    return {**state, "retry_count": retry_count} if retry_count and "retry_count" not in state else state


def whole_second(at: datetime) -> datetime:
    """Items hold whole seconds: a wait may be rounded up, never down (O-26)."""
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def leaf_policy(value: Any) -> RetryPolicy | None:
    """The policy that a leaf's evaluated `_retry` asks for, None without one; ConfigError if it is malformed."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        if value.get("limit") is None:
            raise ConfigError("Parameter 'limit' is required but not set")
        kind = str(value.get("interval_type", "constant"))
        if kind.lower() not in ("constant", "exponential"):
            raise ConfigError(f"Invalid retry_interval_type: {kind}")
        most = value.get("max_interval")
        return RetryPolicy(limit=_integer(value["limit"], value), interval_s=_integer(value.get("interval", 0), value),
                           max_interval_s=None if most is None else _integer(most, value),
                           is_exponential=kind.lower() == "exponential")
    return RetryPolicy(limit=_integer(value, value))


def group_policy(config: Mapping[str, Any]) -> RetryPolicy | None:
    """The same for a group, whose value is not evaluated and is ignored when malformed (L-111)."""
    try:
        return leaf_policy(config.get("_retry"))
    except ConfigError:
        return None


def _integer(value: Any, whole: Any) -> int:
    if isinstance(value, str) and value.strip().lstrip("+-").isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        shown = whole if isinstance(whole, str) else json.dumps(whole, ensure_ascii=False, separators=(",", ":"))
        raise ConfigError(f"Invalid _retry format:{shown}")
    return value
