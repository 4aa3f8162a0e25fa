"""What an `http>` or `http_call>` task asks for, read from its parameters and secrets (O-140, O-141).

Two texts stand for every address: the real one, and the one that may be shown, without secrets and passwords.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import skydag
from skydag.errors import ConfigError, TaskError
from skydag.model.records import dataclass
from skydag.model.values import array, boolean, integer, mapping, mapping_or_json, optional, required, text
from skydag.spi import TaskRequest
from skydag_operators import _secrets
from skydag_operators._http_content import content
from skydag_operators._http_wire import Proxy, Target, basic

SAFE_METHODS: Final = ("GET", "HEAD", "OPTIONS", "TRACE")       # repeated after a server's error unless told otherwise
BODY_METHODS: Final = ("POST", "PUT", "PATCH")
TIMEOUT_S: Final = 30
TIMEOUT_S_MAX: Final = 840              # below the 15 minutes of a function
REDIRECTS_MAX: Final = 8
PORTS: Final = {"http": 80, "https": 443}

_METHOD = re.compile(r"[A-Z][A-Z-]{0,30}\Z")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    url: str
    shown: str
    userinfo: str | None = None         # the Authorization that `user:password@` stands for

    @property
    def origin(self) -> tuple[str, str, int]:
        parts = urlsplit(self.url)
        return parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme]

    @property
    def path(self) -> str:
        parts = urlsplit(self.url)
        return urlunsplit(("", "", parts.path or "/", parts.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    method: str
    address: Address
    headers: tuple[tuple[str, str], ...]
    private: frozenset[str]             # headers, in lower case, that another host must not get
    body: bytes | None
    is_retried: bool
    timeout_s: int
    redirects_max: int                  # -1: they are not followed
    insecure: bool
    proxy: Proxy | None                 # the task's own, or the configuration's
    allows_local: bool
    seen: _secrets.Seen                 # the secrets in it

    def target(self, address: Address) -> Target:
        scheme, host, port = address.origin
        proxy = self.proxy or _of_environment(scheme, host)
        return Target(scheme=scheme, host=host, port=port, proxy=proxy, insecure=self.insecure,
                      allows_local=self.allows_local)


def wanted(request: TaskRequest, *, takes_secret_uri: bool) -> Wanted:
    """Raises ConfigError; no secret is in its message."""
    config, properties = request.config, request.properties
    seen = _secrets.Seen(request.secrets)
    method = optional(config, "method", text, "GET").upper()
    if not _METHOD.match(method):
        raise ConfigError(f"Invalid method: '{method}'; write for example GET or POST")
    address = _address(config, seen, takes_secret_uri=takes_secret_uri)
    text_type = "plain/text" if properties.get("compat.http_plain_text") == "true" else "text/plain"
    body, content_type = content(config, seen.reveal, text_type=text_type)
    headers, private = _headers(config, seen)
    names = {name.lower() for name, _ in headers}
    if content_type is not None and ("content-type" not in names or config.get("content_type") is not None):
        headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
        headers.append(("Content-Type", content_type))
    if "authorization" not in names:
        authorization = _authorization(seen) or address.userinfo
        headers += [("Authorization", authorization)] if authorization else []
    if "user-agent" not in names:
        headers.append(("User-Agent", f"skydag/{skydag.__version__}"))
    if body is None and method in BODY_METHODS:
        body = b""
    return Wanted(
        method=method, address=address, headers=tuple(headers), body=body, seen=seen,
        private=private | {"authorization", "cookie"},
        is_retried=optional(config, "retry", boolean, method in SAFE_METHODS), timeout_s=_timeout_s(request),
        redirects_max=whole(properties, "config.http.max_redirects", REDIRECTS_MAX)
        if optional(config, "follow_redirects", boolean, True) else -1,
        insecure=optional(config, "insecure", boolean, False), proxy=_proxy(config, properties),
        allows_local=properties.get("config.http.allow_local_addresses", "true") != "false")


def moved(address: Address, location: str, seen: _secrets.Seen) -> Address:
    """Where a redirect leads. ConfigError if that is no address of ours."""
    shown = seen.hide(location)
    return checked(location, address.shown if address.shown.endswith("://***") else shown)


# --- the address -----------------------------------------------------------------------------------------------------

def _address(config: Mapping[str, Any], seen: _secrets.Seen, *, takes_secret_uri: bool) -> Address:
    secret = seen("http.uri") if takes_secret_uri else None
    if secret is not None:
        scheme = secret.partition("://")[0] if "://" in secret else "?"
        url, shown = secret, f"{scheme}://***"
    else:
        command = required(config, "_command", text)
        url, shown = seen.reveal(command), _secrets.masked(command)
    query, shown_query = _query(config, seen)
    if secret is not None:
        address = checked(_joined(url, query), shown)
        seen.values.append(address.origin[1])           # its host is nobody's business, either
        return address
    return checked(_joined(url, query), _joined(shown, shown_query))


def checked(url: str, shown: str) -> Address:
    """The address in parts that can be sent. ConfigError says what is wrong with it, and shows it without passwords."""
    shown = _without_userinfo(shown)
    if _CONTROL.search(url):
        raise ConfigError(f"Invalid URI: {_CONTROL.sub('?', shown)}: it holds a line break or the like")
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError as wrong:
        raise ConfigError(f"Invalid URI: {shown}: {wrong}") from None
    scheme = parts.scheme.lower()
    if scheme not in PORTS:
        hint = f"write http:// or https:// in front: https://{shown.strip()}" if "://" not in url else \
            "only http:// and https:// can be asked"
        raise ConfigError(f"Invalid URI: {shown}: {hint}")
    if not host:
        raise ConfigError(f"Invalid URI: {shown}: it names no host")
    userinfo = None
    if parts.username is not None:
        userinfo = basic(unquote(parts.username), unquote(parts.password or ""))
    netloc = f"[{host}]" if ":" in host else _ascii(host, shown)
    netloc += f":{port}" if port is not None else ""
    path, query = quote(parts.path, safe=_SAFE), quote(parts.query, safe=_SAFE)
    return Address(url=urlunsplit((scheme, netloc, path, query, "")), shown=shown, userinfo=userinfo)


def _ascii(host: str, shown: str) -> str:
    try:
        return host.encode("ascii").decode() if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise ConfigError(f"Invalid URI: {shown}: '{host}' can be no host's name") from None


def _without_userinfo(url: str) -> str:
    return re.sub(r"(?<=://)[^/?#]*@", "", url)


def _query(config: Mapping[str, Any], seen: _secrets.Seen) -> tuple[str, str]:
    """`query`: a mapping, the JSON of one, or a query string."""
    value = config.get("query")
    if value is None:
        return "", ""
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return seen.reveal(value).lstrip("?"), _secrets.masked(value).lstrip("?")
    fields = mapping_or_json("query", value)
    pairs = [(name, "" if inner is None else text(name, inner)) for name, inner in fields.items()]
    return (urlencode([(seen.reveal(name), seen.reveal(inner)) for name, inner in pairs]),
            urlencode([(_secrets.masked(name), _secrets.masked(inner)) for name, inner in pairs], safe="*"))


def _joined(url: str, query: str) -> str:
    base, hash_mark, fragment = url.partition("#")
    if not query:
        return url
    return base + ("&" if "?" in base else "?") + query + hash_mark + fragment


# --- headers and options ---------------------------------------------------------------------------------------------

def _headers(config: Mapping[str, Any], seen: _secrets.Seen) -> tuple[list[tuple[str, str]], frozenset[str]]:
    value = config.get("headers")
    if value is not None and not isinstance(value, list | tuple):
        raise ConfigError("Invalid header: headers takes a list of one-key mappings, such as '- X-Name: value'")
    out: list[tuple[str, str]] = []
    private = set()
    for one in array("headers", value) if value is not None else ():
        if not isinstance(one, Mapping) or len(one) != 1:
            raise ConfigError("Invalid header: each item of headers is a mapping of one key, such as '- X-Name: value'")
        ((key, inner),) = one.items()
        before = len(seen.values)
        name, content = seen.reveal(key), seen.reveal("" if inner is None else text(key, inner))
        if not _NAME.match(name):
            raise ConfigError(f"Invalid header: '{_secrets.masked(key)}' can be no header's name")
        if _CONTROL.search(content):
            raise ConfigError(f"Invalid header: the value of {_secrets.masked(key)} holds a line break")
        if len(seen.values) > before:
            private.add(name.lower())
        out.append((name, content))
    return out, frozenset(private)


def _authorization(seen: _secrets.Seen) -> str | None:
    whole = seen("http.authorization")
    if whole is None:
        user = seen("http.user")
        if user is None:
            return None
        return basic(user, seen("http.password") or "")
    if _CONTROL.search(whole):
        raise ConfigError("the secret http.authorization holds a line break; store it without one")
    return whole


def _timeout_s(request: TaskRequest) -> int:
    asked = optional(request.config, "timeout", integer, TIMEOUT_S)
    if asked <= 0:
        raise ConfigError(f"timeout is {asked}; it takes seconds, 1 or more")
    most = whole(request.properties, "config.http.max_timeout", TIMEOUT_S_MAX)
    if asked > most:
        request.log(f"timeout: {asked} s is more than a task may wait here; {most} s are taken")
    return min(asked, most)


def whole(properties: Mapping[str, str], key: str, default: int) -> int:
    try:
        return integer(key, properties.get(key, default))
    except ConfigError:
        raise ConfigError(f"the configuration's {key} takes a number, not '{properties[key]}'") from None


def _proxy(config: Mapping[str, Any], properties: Mapping[str, str]) -> Proxy | None:
    own = optional(config, "proxy", mapping, None)
    if own and _is_enabled(own):
        if properties.get("config.http.allow_user_proxy", "true") == "false":
            raise ConfigError("proxy: a task may not name its own proxy here (config.http.allow_user_proxy is false)")
        return _proxy_of(own)
    prefix = "config.http.proxy."
    shared = {key.removeprefix(prefix): value for key, value in properties.items() if key.startswith(prefix)}
    return _proxy_of(shared) if shared and _is_enabled(shared) else None


def _is_enabled(proxy: Mapping[str, Any]) -> bool:
    return optional(proxy, "enabled", boolean, True)


def _proxy_of(value: Mapping[str, Any]) -> Proxy:
    return Proxy(host=required(value, "host", text), port=required(value, "port", integer),
                 tls=optional(value, "tls", boolean, False))


def _of_environment(scheme: str, host: str) -> Proxy | None:
    """http_proxy, https_proxy, all_proxy, but not for the hosts in no_proxy."""
    proxies = getproxies()
    url = proxies.get(scheme) or proxies.get("all")
    if not url or proxy_bypass(host):
        return None
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in PORTS or not parts.hostname:
        raise TaskError(f"the environment's {scheme}_proxy is no proxy that http> can use: {_without_userinfo(url)}")
    authorization = basic(unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(host=parts.hostname, port=parts.port or PORTS[parts.scheme], tls=parts.scheme == "https",
                 authorization=authorization)
