"""The version, and whether a client may talk to it (rest-api.md section 4)."""

from __future__ import annotations

from skydag import __version__
from skydag.api.answer import Answer
from skydag.api.application import ApiApplication
from skydag.api.request import Request
from skydag.errors import InvalidError
from skydag.model.patterns import pattern

_VERSION = pattern(r"\d+(\.\d+)*([.+-][0-9A-Za-z.+-]+)?")


def version(app: ApiApplication, request: Request) -> Answer:
    return Answer(value={"version": __version__})


def check(app: ApiApplication, request: Request) -> Answer:
    """R-26: every client version that is one is welcome, Digdag's own included."""
    client = request.needed("client")
    if not _VERSION.fullmatch(client):
        raise InvalidError(f"client= must be a version, not '{client}'")
    return Answer(value={"serverVersion": __version__, "upgradeRecommended": False, "apiCompatible": True})
