"""What the application needs of the world, as Protocols. `aws/` keeps them with boto3, `local/` in memory and folders.

The table speaks of items (a mapping with `pk` and `sk`), and of conditions that have names. Which items there are, and
what is in them, is said in `store/`, once for both kinds of table (F-2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from skydag.model.records import Protocol, dataclass, field

Item = dict[str, Any]       # values: str, int, bool, and lists and mappings of these; JSON data travels as text


@dataclass(frozen=True, slots=True)
class Absent:
    """There is no such item."""


@dataclass(frozen=True, slots=True)
class Is:
    """The attribute has this value."""

    attribute: str
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class Missing:
    """The item has no such attribute."""

    attribute: str


@dataclass(frozen=True, slots=True)
class AtMost:
    """The numeric attribute is there and not above the value."""

    attribute: str
    value: int


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple[Condition, ...]


Condition = Absent | Is | Missing | AtMost | All | AnyOf


class Lost(Exception):
    """A conditional write lost. `found` is the item that stood there; in a transaction one entry a write (None: fine,
    or no item)."""

    def __init__(self, found: Item | None, reasons: Sequence[tuple[bool, Item | None]] = ()) -> None:
        super().__init__("a conditional write lost")
        self.found, self.reasons = found, tuple(reasons)     # reasons: (this write's condition failed, the item found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    item: Item
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """SET `assign`, ADD `add` (numbers), REMOVE `remove`; creates the item unless the condition forbids it."""

    pk: str
    sk: str
    assign: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    remove: Sequence[str] = ()
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    pk: str
    sk: str
    condition: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    items: tuple[Item, ...]
    has_more: bool              # ask again with `after` (or `before`, descending) = the last item's sk


class Table(Protocol):
    """One table (F-5). Every write is atomic; reads are strong unless said otherwise."""

    def get(self, pk: str, sk: str, *, strong: bool = True) -> Item | None: ...

    def get_many(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Any number of keys; those without an item are left out."""

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """Raises Lost with the item found. A lost answer that turns out to be this very item is no loss."""

    def update(self, update: Update) -> Item:
        """The item afterwards. Raises Lost with the item found."""

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None: ...

    def query(
        self, pk: str, *, begins: str = "", after: str | None = None, before: str | None = None,
        descending: bool = False, limit: int | None = None,
    ) -> Page:
        """Items of one partition by rising sk (falling if descending): sk starts with `begins`, is > after, < before
        (all exclusive). At most `limit`, and at most what one page holds (1 MB)."""

    def transact(self, writes: Sequence[Put | Update | Delete], *, token: str) -> None:
        """All or nothing, at most 100; the same token within ten minutes changes nothing again. Raises Lost."""

    def due(self, shard: int, until: str, *, limit: int = 100) -> Sequence[tuple[str, str]]:
        """Keys (pk, sk) of items whose `due_shard` is `due#<shard>` and whose `due_at` is <= until, oldest first."""


class Objects(Protocol):
    """A bucket, or a folder."""

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None: ...

    def get(self, key: str) -> bytes:
        """Raises NotFoundError."""

    def metadata(self, key: str) -> Mapping[str, str]:
        """What the uploader wrote beside the object; empty where there is none, or no such object."""

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, size), by key."""

    def delete(self, key: str) -> None: ...

    def url(self, key: str, *, for_s: int = 600) -> str | None:
        """A pre-signed address to read it, None where there is none."""

    def upload_url(self, key: str, *, for_s: int = 600) -> str | None:
        """A pre-signed address to put it to, None where there is none (F-9)."""


class Payload(Protocol):
    """What is handed over; it becomes JSON where it leaves the process."""

    def to_json(self) -> Mapping[str, Any]: ...


class Dispatch(Protocol):
    """Hands work over. Every one may be called twice for the same job: the claim, or the client token, is the fence."""

    def work(self, jobs: Sequence[Payload]) -> None:
        """Run these leaf tasks: one asynchronous call of `work` each."""

    def script(self, job: Mapping[str, Any]) -> None:
        """Run this claimed task's user code in the sandboxed function `script`."""

    def container(self, job: Mapping[str, Any], *, token: str) -> str:
        """Run this claimed task in a container; the id of the container task. The same token starts it once."""

    def stop_container(self, container: str, reason: str) -> None: ...

    def report(self, report: Mapping[str, Any]) -> None:
        """Tell `finish` how a handed-over run ended."""

    def secrets(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask `finish` for the secrets that a handed-over run names (app/grants.py). Raises UnavailableError."""


class Timers(Protocol):
    """Hints to look at something later; the item holds the due time (A-116). A timer may come late, twice or never."""

    def set(self, at: datetime, message: Mapping[str, Any], *, now: datetime) -> None: ...


class Alerts(Protocol):
    def publish(self, notice: Mapping[str, Any], *, stable_id: str) -> None:
        """notice: the payload of S-99. The same stable_id marks a repeat for whoever receives it (G-9)."""


class Wakes(Protocol):
    """One one-off wake-up per schedule (design.md section 4, Schedules)."""

    def arm(self, schedule_id: int, at: datetime | None) -> None:
        """Wake `expand` for this schedule at `at`, replacing what was armed; None disarms."""


class SecretStore(Protocol):
    def get(self, project_id: int, key: str) -> str | None: ...


class LogWriter(Protocol):
    """The log of one run of one task, written as it comes (R-66)."""

    def write(self, text: str) -> None: ...

    def flush_old(self) -> None:
        """Store what has waited long enough, for whoever reads along; called every few seconds."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    name: str               # <task full name>@<time>.<agent>.log.gz
    task_name: str
    time: datetime
    agent: str
    size: int
    url: str | None = None
    content: bytes | None = None    # the gzip bytes, where listing has them at hand


class Logs(Protocol):
    def open(self, attempt_id: int, task_name: str, task_id: int, run: int, *, now: datetime) -> LogWriter: ...

    def files(self, attempt_id: int) -> Sequence[LogFile]: ...

    def read(self, attempt_id: int, name: str) -> bytes:
        """The gzip bytes of one file. Raises NotFoundError."""


class Chance(Protocol):
    """Ids and tokens come in from bootstrap (style.md E-11)."""

    def token(self) -> str:
        """22 or more characters nobody guesses."""

    def uuid(self) -> str: ...


class Clock(Protocol):
    def __call__(self) -> datetime:
        """The present, aware, UTC."""


class Lines(Protocol):
    """Where a local run shows what tasks print."""

    def __call__(self, lines: Iterable[str]) -> None: ...
