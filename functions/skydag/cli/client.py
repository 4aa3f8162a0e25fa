"""What every client command starts with: options -> a Remote that has passed the version check (C-36, C-37)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from skydag import __version__
from skydag.cli.config import below, configuration
from skydag.cli.options import Given, pairs
from skydag.cli.remote import Remote, Signer
from skydag.errors import InvalidError, NotFoundError

DEFAULT_ENDPOINT = "http://127.0.0.1:65432"
_AWS_HOST = re.compile(r"https://[^/]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?(?=[:/]|$)")


def remote(given: Given, config: Mapping[str, str] | None = None) -> Remote:
    settings = configuration(given) if config is None else config
    address = endpoint(given.one("endpoint") or settings.get("client.http.endpoint") or DEFAULT_ENDPOINT)
    headers = {**below(settings, "client.http.headers."), **pairs(given.all("header"), "-H")}
    kind = _auth(given, settings, address)
    if kind == "basic":
        headers["Authorization"] = _basic(given.one("basic-auth"))
    out = Remote(
        address,
        headers=headers,
        signer=_signer(address) if kind == "iam" else None,
        checks_certificate=not given.has("disable-cert-validation"),
        downloads_directly=settings.get("client.http.disable_direct_download", "").lower() != "true",
    )
    if not given.has("disable-version-check"):
        check_version(out)
    return out


def endpoint(text: str) -> str:
    """host, host:port, http://..., https://...; a path (the stage of an API Gateway) is kept."""
    address = text if re.match(r"https?://", text) else f"http://{text}"
    if not re.fullmatch(r"https?://[^/\s?#]+(/[^\s?#]*)?", address):
        raise InvalidError(f"Option --endpoint takes an address like https://host/prefix, not '{text}'")
    return address.rstrip("/").removesuffix("/api")


def check_version(server: Remote) -> None:
    answer = server.get("/api/version/check", {"client": __version__})
    if not answer["apiCompatible"]:
        raise InvalidError(f"This client (version {__version__}) is too old for the server "
                           f"(version {answer['serverVersion']}): pip install --upgrade skydag")


def _auth(given: Given, settings: Mapping[str, str], address: str) -> str:
    chosen = given.one("auth") or settings.get("client.http.auth")
    if chosen is None:
        chosen = "basic" if given.has("basic-auth") else "iam" if _AWS_HOST.match(address) else "none"
    if chosen not in ("iam", "basic", "none"):
        raise InvalidError(f"Option --auth takes iam, basic or none, not '{chosen}'")
    if chosen == "basic" and not given.has("basic-auth"):
        raise InvalidError("Option --auth basic needs --basic-auth user:pass")
    return chosen


def _basic(text: str | None) -> str:
    user, _, password = (text or "").partition(":")
    if not user or not password:
        raise InvalidError("Option --basic-auth takes user:pass, both not empty")
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _signer(address: str) -> Signer:
    """SigV4 with the credentials that AWS's own tools would use; botocore is loaded only here."""
    from skydag.aws.signing import signer

    found = _AWS_HOST.match(address)
    return signer(region=found[1] if found else None)


def project_named(server: Remote, name: str) -> Any:
    """NotFoundError in Digdag's words (C-38)."""
    found = server.get("/api/projects", {"name": name})["projects"]
    if not found:
        raise NotFoundError(f"Resource not found: project not found: {name}")
    return found[0]


def workflow_named(server: Remote, project: Mapping[str, Any], name: str, revision: str | None = None) -> Any:
    query = {"name": name, "revision": revision}
    found = server.get(f"/api/projects/{project['id']}/workflows", query)["workflows"]
    if not found:
        where = f"revision {revision}" if revision is not None else "the latest revision"
        raise NotFoundError("Resource not found: workflow not found in "
                            f"{where} of project id = {project['id']}: {name}")
    return found[0]
