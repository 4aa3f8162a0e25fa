"""Kill an attempt: the flag first, then top-down through its groups (engine.md section 10)."""

from __future__ import annotations

from datetime import datetime

from skydag.app.advance import Advance
from skydag.model.session import Attempt


def kill(attempt_id: int, *, advance: Advance, now: datetime) -> Attempt:
    """The attempt as it was before (R-63). A second kill of an attempt still ending succeeds, and does again what the
    first may have left undone. Raises NotFoundError, ConflictError when it is done."""
    before = advance.attempts.request_cancel(attempt_id, now)
    advance.groups.cancel(attempt_id, "", now)
    advance.advance(before, {"": []}, now)
    return before
