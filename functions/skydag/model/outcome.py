"""How one run of a task ended, as a worker reports it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from skydag.model.params import Store
from skydag.model.records import dataclass, field

OK, AGAIN, FAILED = "ok", "again", "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    kind: str                                                       # OK, AGAIN or FAILED
    subtasks: Mapping[str, Any] = field(default_factory=dict)       # OK: a body, becomes ^sub
    export: Mapping[str, Any] = field(default_factory=dict)         # OK
    store: Store | None = None                                      # OK
    after_s: float = 0                                              # AGAIN
    state: Mapping[str, Any] = field(default_factory=dict)          # AGAIN
    error: Mapping[str, Any] = field(default_factory=dict)          # FAILED: message, perhaps stacktrace
    output: str = ""                                                # up to 512 bytes of what it printed

    def to_json(self) -> dict[str, Any]:
        out: dict[str, Any] = {"kind": self.kind}
        for name in ("subtasks", "export", "after_s", "state", "error", "output"):
            if value := getattr(self, name):
                out[name] = value
        if self.store:
            out["store"] = self.store.to_json()
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        rest = {k: v for k, v in data.items() if k in ("subtasks", "export", "after_s", "state", "error", "output")}
        store = Store.from_json(data["store"]) if "store" in data else None
        return cls(kind=data["kind"], store=store, **rest)


def failed(message: str, stacktrace: str | None = None) -> Ended:
    error = {"message": message} if stacktrace is None else {"message": message, "stacktrace": stacktrace}
    return Ended(kind=FAILED, error=error)
