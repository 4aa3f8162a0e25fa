"""A resumed attempt's groups, settled with what the old attempt knows (engine.md section 14).

Which old leaf stands for which child was said when the attempt was started (app/resume.py). Here its result is copied
under the new attempt: first the leaf, then its stores into segments, and only then the group is written that counts
it. Every step may come twice. Groups are not copied: they end because all their children have.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final

from skydag.app.flow import Flow, Told
from skydag.app.groups import Groups
from skydag.engine import bits, paths
from skydag.engine.flow import SEGMENT
from skydag.engine.group import End, Group, Report, number_of
from skydag.engine.leaf import Leaf
from skydag.engine.pages import Child, Page
from skydag.engine.settle import NOTHING_KNOWN, Known, Numbers, Settled, settle
from skydag.model.params import fused
from skydag.model.records import dataclass, field, replace
from skydag.model.session import Attempt
from skydag.model.task import State
from skydag.store import definitions, resumes
from skydag.store.attempts import AttemptStore
from skydag.store.definitions import Definitions
from skydag.store.resumes import Old, Resumes
from skydag.store.tasks import TaskStore

PAGES_MAX: Final = 200
RUN: Final = 1                          # of a copied leaf: what it generated is the group of this generation


@dataclass(frozen=True, slots=True)
class _Stands:
    """What stands for a page's children."""

    known: Known = NOTHING_KNOWN
    old: Mapping[int, Old] = field(default_factory=dict)


_NOTHING: Final = _Stands()


class TakeOver:
    def __init__(self, *, groups: Groups, tasks: TaskStore, definitions: Definitions, attempts: AttemptStore,
                 flow: Flow, resumes: Resumes) -> None:
        self._groups, self._tasks, self._definitions, self._attempts = groups, tasks, definitions, attempts
        self._flow, self._resumes = flow, resumes
        self._stands: OrderedDict[tuple[int, str], _Stands] = OrderedDict()
        self._lock = Lock()                             # a local server asks from several threads

    def settle(self, attempt: Attempt, page: Page, group: Group, reports: Sequence[Report], now: datetime,
               numbers: Numbers | None = None) -> Settled:
        """As the engine's. What it counts as known is copied by now: the caller may write the group."""
        if attempt.resume is None:
            return settle(page, group, reports, now, numbers)
        stands = self._of(attempt, page, group)
        settled = settle(page, group, reports, now, numbers, stands.known)
        begun = settled.group.started & ~group.started & stands.known.begun
        if settled.taken or begun:
            self._copy(attempt, page, group, settled, begun, stands.old)
        return settled

    def begun(self, attempt: Attempt, page: Page, group: Group) -> int:
        """Children that are there already when they are started: what they had generated goes on from there."""
        return 0 if attempt.resume is None else self._of(attempt, page, group).known.begun

    def _of(self, attempt: Attempt, page: Page, group: Group) -> _Stands:
        if not _is_first_try(group):
            return _NOTHING
        key = (attempt.id, group.page)
        with self._lock:
            if key in self._stands:
                self._stands.move_to_end(key)
                return self._stands[key]
        assert attempt.resume is not None
        found = _stands(page, self._resumes.children(attempt.resume, page.full_name))
        with self._lock:
            self._stands[key] = found
            while len(self._stands) > PAGES_MAX:
                self._stands.popitem(last=False)
        return found

    # --- copying -----------------------------------------------------------------------------------------------------

    def _copy(self, attempt: Attempt, page: Page, group: Group, settled: Settled, begun: int,
              stands: Mapping[int, Old]) -> None:
        assert attempt.resume is not None
        old = self._groups.attempt(resumes.old_attempt(attempt.resume))
        wanted = {ordinal: stands[ordinal] for ordinal in bits.each(settled.taken | begun)}
        leaves = self._tasks.leaves(old.id, [one.path for one in wanted.values() if one.kind != resumes.GROUP])
        told: list[Told] = []
        for ordinal, one in wanted.items():
            leaf = self._copied(attempt, page, group, ordinal, old, leaves.get(one.path))
            if one.kind == resumes.GENERATED:
                self._keep_generated(leaf, leaves[one.path])
            else:
                self._tasks.take_over(leaf)
            if one.kind == resumes.STORES and leaf.store is not None:
                told.append(Told(generation=group.generation, ordinal=ordinal, end=End.SUCCESS,
                                 stores=fused([leaf.store])))
        self._keep_stores(page, replace(settled.group, stored=settled.group.stored & ~settled.taken), told)

    def _copied(self, attempt: Attempt, page: Page, group: Group, ordinal: int, old: Attempt,
                was: Leaf | None) -> Leaf:
        """E-113, and the resets, too (K-14). was: None where a group stood there: a leaf has nothing of it."""
        child = page.child(ordinal)
        leaf = Leaf(
            attempt_id=attempt.id, path=paths.child(group.path, group.generation, ordinal), run=RUN, token="",
            number=number_of(page, group, ordinal), state=State.SUCCESS, started_at=None, parent_page=group.page,
            updated_at=attempt.created_at)
        if was is None:
            return leaf
        return replace(leaf, updated_at=was.updated_at, export=was.export, store=was.store,
                       definition=self._other_definition(old, was, child))

    def _other_definition(self, old: Attempt, was: Leaf, child: Child) -> Mapping[str, Any]:
        """What the old task was, where the new definition says something else."""
        if was.definition:
            return was.definition
        before = self._definitions.page(old, was.parent_page).child(paths.ordinal(was.path))
        if (before.config, before.export) == (child.config, child.export):
            return {}
        return {"config": before.config, "export": before.export}

    def _keep_generated(self, leaf: Leaf, was: Leaf) -> None:
        """K-2: with its pages, so that what it had generated is there again, and is known by its names in turn. These
        tasks count (E-121), but never too many: a result that is there is not refused."""
        if self._tasks.leaf(leaf.attempt_id, leaf.path) is not None:
            return
        first = self._attempts.take_task_numbers(leaf.attempt_id, was.generated, None)
        texts = [self._tasks.bundle(at) for _, at in self._tasks.page_index(was.attempt_id, was.path, was.run)]
        self._definitions.keep_generated(leaf.attempt_id, leaf.path, RUN, texts)
        self._tasks.take_over(replace(leaf, generated=was.generated, generated_first=first))

    def _keep_stores(self, page: Page, group: Group, told: Sequence[Told]) -> None:
        """Segment by segment: each begins with what lies before it."""
        by_segment: dict[int, list[Told]] = {}
        for one in told:
            by_segment.setdefault(one.ordinal // SEGMENT, []).append(one)
        for _, part in sorted(by_segment.items()):
            self._flow.keep(page, group, part)
            group = replace(group, stored=group.stored | bits.of(one.ordinal for one in part))


def _is_first_try(group: Group) -> bool:
    """A group that is tried again runs as a whole (E-52), up to what its leaves then generate: that is known by its
    names, in whatever try (E-114)."""
    source = definitions.source_of(group.page)
    top = source.partition("~")[0]
    if source and group.path == top:
        return True
    generations = [group.generation]
    path, end = group.path, len(top) + paths.STEP if source else 0      # the first step below a leaf is its run
    while len(path) > end:
        generations.append(paths.generation(path))
        path = paths.parent(path)
    return not any(generations)


def _stands(page: Page, children: Mapping[str, Old]) -> _Stands:
    if not children:
        return _NOTHING
    old = {ordinal: children[child.name] for ordinal, child in enumerate(page.children)
           if not child.is_group and child.name in children}
    begun = bits.of(ordinal for ordinal, one in old.items() if one.kind == resumes.GENERATED)
    return _Stands(old=old, known=Known(
        done=bits.of(old) & ~begun, begun=begun,
        stored=bits.of(ordinal for ordinal, one in old.items() if one.kind == resumes.STORES)))
