"""How stores flow between siblings: segments of SEGMENT children, composed in tree order, never in order of finishing.

A segment holds the operations that its children left (their outcome stores), and where children come one after another
also a prefix: the composition of everything before the segment. So a child of a sequence reads one segment, however
many came before it; a parallel group reads its segments once, when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from skydag.engine import bits
from skydag.engine.pages import EXPLICIT, PARALLEL, SEQUENCE, Page
from skydag.model.params import Store, fused, merge
from skydag.model.records import dataclass, field

SEGMENT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    prefix: tuple[Store, ...] = ()
    stores: Mapping[int, tuple[Store, ...]] = field(default_factory=dict)       # by ordinal
    errors: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)       # error objects, by ordinal


Read = Callable[[int], Segment]     # segment number -> segment (an empty one if there is none)


def has_prefix(page: Page) -> bool:
    """Whether all children before a segment are done when the first of the segment is: sequences, and batches whose
    borders are the segments' borders, too."""
    if page.order in (PARALLEL, EXPLICIT):
        return False
    return page.order == SEQUENCE or SEGMENT % int(page.order[1:]) == 0


def stores_before(page: Page, stored: int, ordinal: int, read: Read) -> tuple[Store, ...]:
    """The stores that a child sees of its siblings: those of its closure, in tree order."""
    return _composed(page, stored & page.closure(ordinal), read)


def stores_of_all(page: Page, stored: int, read: Read) -> tuple[Store, ...]:
    """What the whole group hands on when it ends, slots included."""
    return _composed(page, stored, read)


def prefix_for(page: Page, stored: int, segment: int, read: Read) -> tuple[Store, ...]:
    """The prefix that a new segment begins with."""
    return _composed(page, stored & bits.below(segment * SEGMENT), read)


def wants_prefix(page: Page, stored: int, segment: int, reporting: Iterable[int]) -> bool:
    """Whether these children are the first of the segment to leave something. Slots don't count: ^sla may end long
    before what stands in front of the segment."""
    if not has_prefix(page) or not any(ordinal < page.count for ordinal in reporting):
        return False
    return not any(bits.has(stored, ordinal) for ordinal in children_in(segment) if ordinal < page.count)


def _composed(page: Page, wanted: int, read: Read) -> tuple[Store, ...]:
    if not wanted:
        return ()
    out: list[Store] = []
    numbers = sorted({ordinal // SEGMENT for ordinal in bits.each(wanted)})
    last = wanted.bit_length() - 1
    if has_prefix(page) and last < page.count:
        out.extend(read(numbers[-1]).prefix)
        numbers = numbers[-1:]
    for number in numbers:
        segment = read(number)
        for ordinal in sorted(segment.stores):
            if bits.has(wanted, ordinal):
                out.extend(segment.stores[ordinal])
    return fused(out)


def errors_of_all(children: int, read: Read) -> dict[str, Any]:
    """The error objects of these children, merged in tree order: the last one's message wins (E-61)."""
    out: dict[str, Any] = {}
    for number in sorted({ordinal // SEGMENT for ordinal in bits.each(children)}):
        segment = read(number)
        for ordinal in sorted(segment.errors):
            if bits.has(children, ordinal):
                out = merge(out, segment.errors[ordinal])
    return out


def children_in(segment: int) -> Sequence[int]:
    return range(segment * SEGMENT, (segment + 1) * SEGMENT)
