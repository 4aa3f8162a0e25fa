"""A project's archive has arrived in the bucket (R-40): the same as a push, with the errors where the user looks.

    upload/<project>.tar.gz                 revision: the object's metadata `revision`, else a hash of what is in it
    upload/<project>/<revision>.tar.gz

The event may come again: the same archive is one revision. What is refused registers nothing; `<key>.error.json` beside
the upload and a notice say why. What is accepted takes the error of an earlier try away.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any, Final

from skydag.app import archive as archives
from skydag.app.log import logger
from skydag.app.names import check_project_name, check_revision_name
from skydag.app.push import Options, Push
from skydag.errors import ConflictError, IllegalStepError, InvalidError, NotFoundError, SkydagError, UnavailableError
from skydag.model.project import StoredProject
from skydag.model.records import dataclass
from skydag.ports import Alerts, Objects

PREFIX: Final = "upload/"
SUFFIX: Final = ".tar.gz"
ERROR_SUFFIX: Final = ".error.json"
HASH_DIGITS: Final = 24

log = logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    project: StoredProject
    revision: str
    is_new: bool                        # False: the same archive was registered before


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    key: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    push: Push
    objects: Objects                    # the project bucket
    alerts: Alerts

    def __call__(
        self, key: str, *, now: datetime, revision: str | None = None, size: int | None = None,
    ) -> Registered | Refused | None:
        """key: decoded. revision: the object's metadata of that name. size: as the event says, of the packed archive.
        None: there is nothing to do, the object is one of our own or gone again. Raises what is no fault of the user's.
        """
        if key.endswith(ERROR_SUFFIX):
            return None
        digest = ""
        try:
            project, named = _named(key)
            if size is not None and size > archives.LIMITS.bytes_max:
                raise InvalidError(f"the archive has {size:,} bytes; the most is {archives.LIMITS.bytes_max:,}")
            try:
                data = self.objects.get(key)
            except NotFoundError:
                return None
            digest = hashlib.sha256(data).hexdigest()
            done = self._push(project, named or revision, data, now)
        except (UnavailableError, IllegalStepError):
            raise
        except SkydagError as error:
            return self._refuse(key, str(error), digest, now)
        self.objects.delete(key + ERROR_SUFFIX)
        log.info("a project was uploaded" if done.is_new else "this archive was registered before", extra={
            "action": "register", "key": key, "project_id": done.project.id, "revision": done.revision})
        return done

    def _push(self, project: str, revision: str | None, data: bytes, now: datetime) -> Registered:
        check_project_name(project)
        if revision is not None:
            check_revision_name(revision)
        files = archives.read(data)
        content = archives.content_hash(files)
        revision = content[:HASH_DIGITS] if revision is None else revision
        try:
            stored = self.push.files(project, revision, data, files, Options(user_info={"upload": "s3"}), now=now)
        except ConflictError:
            known = self.push.projects.by_name(project)
            if known is None or self.push.projects.content_hash(known.id, revision) != content:
                raise
            self.push.arm(known.id)                 # the first time may have died before it came to that
            return Registered(project=known, revision=revision, is_new=False)
        return Registered(project=stored, revision=revision, is_new=True)

    def _refuse(self, key: str, reason: str, digest: str, now: datetime) -> Refused:
        shown = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        error = {"message": reason, "upload": key, "refused_at": shown}
        self.objects.put(key + ERROR_SUFFIX, (json.dumps(error, ensure_ascii=False, indent=2) + "\n").encode(),
                         content_type="application/json")
        self.alerts.publish(_notice(key, reason, shown), stable_id=_stable_id(key, digest, reason))
        log.warning("an upload was refused", extra={"action": "refuse", "key": key, "reason": reason})
        return Refused(key=key, reason=reason)


def _named(key: str) -> tuple[str, str | None]:
    """(project, revision or None) of an upload's key."""
    path = key.removeprefix(PREFIX)
    parts = path.removesuffix(SUFFIX).split("/")
    if not key.startswith(PREFIX) or not path.endswith(SUFFIX) or len(parts) > 2:
        raise InvalidError(f"{key} is no place for a project; upload it to {PREFIX}<project>{SUFFIX} or "
                           f"{PREFIX}<project>/<revision>{SUFFIX}")
    return parts[0], parts[1] if len(parts) == 2 else None


def _stable_id(*parts: str) -> str:
    """The same refusal is one notice, however often the event comes."""
    return hashlib.sha256("\x00".join(("upload", *parts)).encode()).hexdigest()[:32]


def _notice(key: str, reason: str, shown: str) -> dict[str, Any]:
    """In the form of S-99: there is no attempt yet."""
    path = key.removeprefix(PREFIX).removesuffix(SUFFIX)
    nothing = ("workflow_name", "revision", "attempt_id", "session_id", "task_name", "timezone", "session_uuid",
               "session_time", "workflow_definition_id")
    return {
        "timestamp": shown, "message": f"Upload refused: {key}: {reason}", "site_id": 0, "project_id": None,
        "project_name": path.split("/")[0] or None, **dict.fromkeys(nothing),
    }
