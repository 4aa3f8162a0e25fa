"""Log files of an attempt (rest-api.md section 12)."""

from __future__ import annotations

from skydag.api import shapes
from skydag.api.answer import CARRIED_BYTES_MAX, GZIP, Answer, see_other
from skydag.api.application import ApiApplication
from skydag.api.request import Request, path_id
from skydag.errors import InvalidError, NotFoundError


def files(app: ApiApplication, request: Request, attempt_id: str) -> Answer:
    """R-65: sorted by name; `task` keeps names that start with it. `inline=true`, ours: small files come along, so that
    a thousand small tasks are read by one request."""
    number = path_id(attempt_id, "session attempt")
    app.attempts.get(number)
    prefix, is_direct = request.query("task") or "", not (request.is_local or request.is_false("direct_download"))
    found = sorted((one for one in app.logs.files(number) if one.name.startswith(prefix)), key=lambda one: one.name)
    shown = [shapes.log_file(one, is_direct=is_direct, is_inline=request.is_true("inline")) for one in found]
    return Answer(value={"files": shown})


def file(app: ApiApplication, request: Request, attempt_id: str, name: str) -> Answer:
    """R-67: the gzip bytes."""
    number = path_id(attempt_id, "session attempt")
    if name in (".", "..") or "\\" in name:
        raise InvalidError(f"Not the name of a log file: {name}")
    app.attempts.get(number)
    name, data = _read(app, number, request.path.rpartition("/")[2], name)
    if len(data) > CARRIED_BYTES_MAX and not request.is_local:
        url = next((one.url for one in app.logs.files(number) if one.name == name), None)
        if url is not None:
            return see_other(url)
    return Answer(data=data, kind=GZIP)


def _read(app: ApiApplication, attempt_id: int, sent: str, decoded: str) -> tuple[str, bytes]:
    """(name, content). The names of tasks that `for_each>` makes hold per cent signs, so that one decoding too many
    would spoil them: an HTTP API has decoded the path already, a function URL has not."""
    try:
        return sent, app.logs.read(attempt_id, sent)
    except NotFoundError:
        return decoded, app.logs.read(attempt_id, decoded)
