"""
May a request over HTTP come in?

Before anything of it is read: its Host is one that the server has, so that no page of a browser
reaches it under a name of the page's own; its Origin, if there is one, is the same; and its token
is right, if there is one.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, MutableMapping

    Scope: TypeAlias = MutableMapping[str, Any]
    Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
    Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
    App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

__all__ = ["Guard", "Rules", "is_loopback"]

PLAIN: Final = b"text/plain; charset=utf-8"


def is_loopback(host: str) -> bool:
    """Whether a server on `host` is reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Rules:
    """
    Which requests may come in.

    Args:
        host: On which the server listens.
        token: What `Authorization: Bearer` has to have; None: nothing.
        names: Other names of this machine, as of a proxy before it.
    """

    host: str
    token: str | None = field(default=None, repr=False)
    names: frozenset[str] = frozenset()

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[int, str] | None:
        """
        Give status and reason with which a request is refused; None if it may come in.

        Args:
            headers: Of the request, names in lower case.
        """
        given: dict[bytes, list[str]] = {}
        for name, value in headers:
            given.setdefault(name, []).append(value.decode("latin-1").strip())
        hosts, origins = given.get(b"host", []), given.get(b"origin", [])
        if len(hosts) != 1:
            return 400, "one Host header is needed"
        if not self._is_ours(hosts[0]):
            return 421, "this Host is not served here: see --allow-host"
        if len(origins) > 1 or (origins and not self._is_same(origins[0], hosts[0])):
            return 403, "this Origin may not speak to the server"
        if self.token is not None and not self._is_known(given.get(b"authorization", [])):
            return 401, "the token is missing or wrong"
        return None

    def _is_ours(self, authority: str) -> bool:
        host = _host_of(f"http://{authority}")
        if host is None:
            return False
        if is_loopback(host) or host in self.names:
            return True
        if is_loopback(self.host):
            return False
        if host in (self.host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()):
            return True
        try:
            ipaddress.ip_address(host)  # no name, so that no page can have it for its own
        except ValueError:
            return False
        return True

    def _is_same(self, origin: str, authority: str) -> bool:
        if origin.lower() in (f"http://{authority}".lower(), f"https://{authority}".lower()):
            return True
        return _host_of(origin) in self.names

    def _is_known(self, authorizations: list[str]) -> bool:
        if self.token is None or len(authorizations) != 1:
            return False
        scheme, _, token = authorizations[0].partition(" ")
        # In the same time whatever it is, as far as it has the right length.
        is_right = hmac.compare_digest(token.strip().encode(), self.token.encode())
        return is_right and scheme.lower() == "bearer"


def _host_of(url: str) -> str | None:
    """Give the host of a URL that has nothing but one; None if it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises if it is none
    except ValueError:
        return None
    has_more = parts.path or parts.query or parts.fragment or parts.username is not None
    return None if has_more else parts.hostname


class Guard:
    """
    An ASGI application before another one, which gets what may come in.

    Args:
        app: The other one.
        rules: What may come in.
    """

    def __init__(self, app: App, rules: Rules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        refusal = None
        if scope["type"] == "http":
            refusal = self._rules.refusal(scope["headers"])
        if refusal is None:
            await self._app(scope, receive, send)
            return
        status, text = refusal
        body = f"{text}\n".encode()
        headers = [(b"content-type", PLAIN), (b"content-length", str(len(body)).encode())]
        if status == 401:
            headers.append((b"www-authenticate", b"Bearer"))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
