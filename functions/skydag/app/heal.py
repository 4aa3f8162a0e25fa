"""Heal an attempt: every group of it is recomputed from its children, page by page, idempotently (G-10).

What `watch` does for a group whose mark has passed is done for all groups, whatever their marks say. One page of one
partition at a time: each asks for the next by a timer, so an attempt of any size fits into the time of a function, and
a page that fails is delivered again. At the end the attempt is no longer set aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from skydag.app.advance import Advance
from skydag.app.watch import Watch
from skydag.engine.group import Group
from skydag.model.session import Attempt
from skydag.ports import Timers
from skydag.store.aside import Aside

KIND: Final = "heal"
ITEMS: Final = 200                      # of a partition, in one page


class Heal:
    def __init__(self, advance: Advance, watch: Watch, aside: Aside, timers: Timers) -> None:
        self._advance, self._watch, self._aside, self._timers = advance, watch, aside, timers

    def request(self, attempt_id: int, now: datetime) -> Attempt:
        """Asks for it; the attempt as it is. Raises NotFoundError."""
        attempt = self._advance.attempts.get(attempt_id)
        self._ask(attempt_id, "", None, now)
        return attempt

    def __call__(self, message: Mapping[str, Any], now: datetime) -> None:
        """One page: message as `_ask` makes it."""
        attempt_id, path = int(message["attempt_id"]), str(message["path"])
        found = self._advance.tasks.page(attempt_id, path, message.get("after"), limit=ITEMS)
        for item in found.items:
            group = self._advance.tasks.parse(item)
            if isinstance(group, Group):
                for chunk in self._watch.look(attempt_id, group.path, now, {}):
                    self._ask(attempt_id, chunk, None, now)
        if found.has_more and found.items:
            self._ask(attempt_id, path, found.items[-1]["sk"], now)
        elif not path:
            self._aside.clear(attempt_id)

    def _ask(self, attempt_id: int, path: str, after: str | None, now: datetime) -> None:
        """path: of the chunk whose partition it is, "" for the attempt's own. after: the last sort key done."""
        message = {"kind": KIND, "attempt_id": attempt_id, "path": path}
        self._timers.set(now, message | ({"after": after} if after is not None else {}), now=now)
