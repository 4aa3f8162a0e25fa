"""Archives that are too large for a request go to the bucket first, by a pre-signed address (F-9, R-33).

    POST /api/uploads?sha256=<hash>            -> {"url": where to PUT the bytes}, url null: send them in the request
    PUT  /api/projects?...&sha256=<hash>       with an empty body: the archive is what was put there
"""

from __future__ import annotations

import hashlib
import re

from skydag.api.answer import Answer
from skydag.api.application import ApiApplication
from skydag.api.request import Request
from skydag.errors import InvalidError, NotFoundError


def upload(app: ApiApplication, request: Request) -> Answer:
    key = _key(request.needed("sha256"))
    return Answer(value={"url": None if request.is_local else app.objects.upload_url(key)})


def content(app: ApiApplication, request: Request) -> bytes:
    """The archive of a push: the body, or what was uploaded before."""
    wanted = request.query("sha256")
    if wanted is None or request.body:
        return request.content()
    try:
        data = app.objects.get(_key(wanted))
    except NotFoundError:
        raise InvalidError(f"Nothing was uploaded for sha256={wanted}: ask POST /api/uploads where to") from None
    if hashlib.sha256(data).hexdigest() != wanted:
        raise InvalidError(f"What was uploaded for sha256={wanted} has another hash")
    return data


def _key(sha256: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InvalidError(f"sha256= must be 64 hexadecimal digits in lower case, not '{sha256}'")
    return f"data/incoming/{sha256}"
