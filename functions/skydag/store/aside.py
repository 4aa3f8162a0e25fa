"""Dead-letter records: attempts that could not be advanced, at failures of one delivery in a row (G-10)."""

from __future__ import annotations

from skydag.model.ids import padded
from skydag.ports import Table, Update

PK = "aside"


class Aside:
    def __init__(self, table: Table) -> None:
        self._table = table

    def failures(self, attempt_id: int, record: str) -> int:
        """Counts one more; how many it is in a row. A repeated delivery begins with the same record, so another first
        record starts the count anew."""
        sk = _sk(attempt_id)
        before = self._table.get(PK, sk) or {}
        count = int(before["failures"]) + 1 if before.get("record") == record else 1
        self._table.update(Update(pk=PK, sk=sk, assign={"failures": count, "record": record}))
        return count

    def failed(self, attempt_id: int) -> int:
        """What is counted now; 0 where nothing is wrong, or was healed."""
        item = self._table.get(PK, _sk(attempt_id))
        return int(item["failures"]) if item else 0

    def clear(self, attempt_id: int) -> None:
        self._table.delete(PK, _sk(attempt_id))


def _sk(attempt_id: int) -> str:
    return f"attempt#{padded(attempt_id)}"
