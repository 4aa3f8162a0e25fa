"""What an invocation may do itself beside advancing: one small task after another (fusing, engine/owner)."""

from __future__ import annotations

from collections.abc import Callable

from skydag.app.job import Job
from skydag.engine import owner
from skydag.engine.group import Group
from skydag.engine.pages import Child, Page
from skydag.model.records import dataclass


@dataclass(slots=True, kw_only=True)
class Hands:
    """token: of this invocation, which the groups name. hops: how many more tasks it may run. is_over: whether it must
    come to an end soon. job: the task it holds now."""

    token: str
    hops: int
    is_over: Callable[[], bool]
    is_small: Callable[[Child], bool]
    job: Job | None = None

    def keep(self, page: Page, before: Group | None, after: Group, *, there: int = 0) -> Group:
        """The group as it is to be written: with this invocation as owner of the one small task that became ready, if
        the hands are free. there: children that are started, but have ended long ago (resume)."""
        if self.job is not None or self.hops <= 0 or owner.news(before, after) & there or self.is_over():
            return after
        return owner.kept(page, before, after, self.token, self.is_small)

    def owns(self, group: Group, ordinal: int) -> bool:
        return group.owner is not None and group.owner.token == self.token and group.owner.ordinal == ordinal

    def take(self) -> Job | None:
        """The task it holds, to be run now."""
        job, self.job = self.job, None
        self.hops -= 1
        return job
