"""One partition's range of sort keys, in the single condition that DynamoDB allows on a sort key."""

from __future__ import annotations

from skydag.aws.expressions import Expression
from skydag.model.records import dataclass

TEXT_MAX = "\U0010ffff"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """Keys from `low` to `high`, both included, without those `excluded`.

    low None: from the first; high None: to the last. `begins` is set where a prefix is all there is to say.
    """

    low: str | None = None
    high: str | None = None
    begins: str = ""
    excluded: tuple[str, ...] = ()

    @classmethod
    def of(cls, begins: str, after: str | None, before: str | None) -> KeyRange | None:
        """The range of keys that start with `begins`, are above `after` and below `before`; None if none can be."""
        if not after or after < begins:
            after = None                            # bounds outside the prefix either say nothing, or leave nothing
        if before is not None and before > begins and not before.startswith(begins):
            before = None
        if (after is not None and not after.startswith(begins)) or (before is not None and before <= begins):
            return None
        if after is not None and before is not None and after >= before:
            return None
        if after is None and before is None:
            return cls(begins=begins)
        low = after if after is not None else begins or None
        high = before if before is not None else begins + TEXT_MAX if begins else None
        return cls(low=low, high=high, excluded=tuple(end for end in (after, before) if end is not None))

    def expression(self, words: Expression, pk: str) -> str:
        text = f"{words.name('pk')} = {words.value(pk)}"
        if self.begins:
            return f"{text} AND begins_with({words.name('sk')}, {words.value(self.begins)})"
        if self.low is not None and self.high is not None:
            return f"{text} AND {words.name('sk')} BETWEEN {words.value(self.low)} AND {words.value(self.high)}"
        if self.low is not None:
            return f"{text} AND {words.name('sk')} >= {words.value(self.low)}"
        if self.high is not None:
            return f"{text} AND {words.name('sk')} <= {words.value(self.high)}"
        return text
