"""What a child sees, and what a group leaves: parameters through the store (engine/flow says the rules)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from skydag.engine import bits, flow
from skydag.engine.flow import SEGMENT, Segment
from skydag.engine.group import SLA_SLOTS, End, Group, Report
from skydag.engine.pages import SLOT_ERROR, Child, Page
from skydag.model.params import Store, apply_all, fused, merge
from skydag.model.records import dataclass, field, replace
from skydag.store.tasks import TaskStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A report with what it carries: how a child of this generation ended, its stores, its error object."""

    generation: int
    ordinal: int
    end: End
    stores: Sequence[Store] = ()
    error: Mapping[str, Any] = field(default_factory=dict)

    @property
    def report(self) -> Report:
        return Report(generation=self.generation, ordinal=self.ordinal, end=self.end, has_stores=bool(self.stores),
                      has_error=bool(self.error))


#: Beside reports: do again what may be missing, also when they are news (rule 5). No child is told of by it.
LOOK: Final = Told(generation=-1, ordinal=0, end=End.SUCCESS)
Upward = list[tuple[str, Told]]          # (path of the group that is told, what)


class Flow:
    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    def keep(self, page: Page, group: Group, told: Sequence[Told]) -> None:
        """What these children left, into their segments: before the group's write counts them."""
        by_segment: dict[int, list[Told]] = {}
        for one in told:
            if one.stores or one.error:
                by_segment.setdefault(one.ordinal // SEGMENT, []).append(one)
        for segment, part in sorted(by_segment.items()):
            prefix: tuple[Store, ...] = ()
            if segment and flow.wants_prefix(page, group.stored, segment, [t.ordinal for t in part]):
                prefix = flow.prefix_for(page, group.stored, segment, self._reader(group))
            self._tasks.add_to_segment(
                group, segment, {t.ordinal: t.stores for t in part if t.stores},
                {t.ordinal: t.error for t in part if t.error}, prefix)

    def before(self, page: Page, group: Group, ordinal: int) -> tuple[Store, ...]:
        """The stores of a child's upstream siblings."""
        return flow.stores_before(page, group.stored, ordinal, self._reader(group)) if group.stored else ()

    def left(self, page: Page, group: Group) -> tuple[tuple[Store, ...], dict[str, Any]]:
        """What a whole group leaves, all tries, in tree order: stores, and the merged error object (E-54, E-61)."""
        earlier, error = self._tasks.carry(group.attempt_id, group.path, group.carry)
        read = self._reader(group)
        stores = flow.stores_of_all(page, group.stored, read) if group.stored else ()
        errors = flow.errors_of_all(group.failed | group.erred, read) if group.failed or group.erred else {}
        return fused([*earlier, *stores]), merge(error, errors)

    def export(self, page: Page, group: Group, ordinal: int, child: Child) -> Mapping[str, Any]:
        """A child's `_export`; for a group's ^error with the stores and the error of all descendants (E-61)."""
        if ordinal != page.count + SLOT_ERROR:
            return child.export
        begun = group.slots[SLOT_ERROR]                         # numbers rise: what came later runs beside ^error
        sla = (slot for slot in SLA_SLOTS if 0 < group.slots.get(slot, 0) < begun)
        tasks = bits.below(page.count) | bits.of(page.count + slot for slot in sla)
        before = replace(group, stored=group.stored & tasks, failed=group.failed & tasks,
                         erred=group.erred & tasks)
        stores, error = self.left(page, before)
        return merge(apply_all(child.export, stores), {"error": error})

    def _reader(self, group: Group) -> flow.Read:
        known: dict[int, Segment] = {}

        def read(number: int) -> Segment:
            if number not in known:
                known[number] = self._tasks.segment(group.attempt_id, group.path, group.generation, number)
            return known[number]
        return read
