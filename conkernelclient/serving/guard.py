"""
May a request over HTTP come in?

Before anything of it is read: its Host is one that the server has, so that no page of a browser
reaches it under a name of the page's own; its Origin, if there is one, is the same; and its token
is right, if one is demanded.
"""

from __future__ import annotations

import hmac
import ipaddress
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qs, urlsplit

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
        takes_query: Whether the token may also be `token` of the query, as a page's WebSocket,
            which has no headers of its own, needs it.
        free_paths: What holds no secret: it needs no token, but a wrong one is refused.
    """

    host: str
    token: str | None = field(default=None, repr=False)
    names: frozenset[str] = frozenset()
    takes_query: bool = False
    free_paths: frozenset[str] = frozenset()

    def refusal(
        self, headers: Iterable[tuple[bytes, bytes]], path: str = "/", query: bytes = b""
    ) -> tuple[int, str] | None:
        """
        Give status and reason with which a request is refused; None if it may come in.

        Args:
            headers: Of the request, names in lower case.
            path: Of the request.
            query: What comes after the path, as it was sent.
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
        if self.token is not None:
            tokens = self._tokens(given.get(b"authorization", []), query)
            if not (self._is_known(tokens) or (not tokens and path in self.free_paths)):
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

    def _tokens(self, authorizations: list[str], query: bytes) -> list[str]:
        """Give what was sent as token; what is none is an empty one."""
        tokens: list[str] = []
        for authorization in authorizations:
            scheme, _, token = authorization.partition(" ")
            tokens.append(token.strip() if scheme.lower() == "bearer" else "")
        if self.takes_query and query:
            asked = parse_qs(query.decode("latin-1"), keep_blank_values=True)
            tokens += asked.get("token", [])
        return tokens

    def _is_known(self, tokens: list[str]) -> bool:
        if self.token is None or len(tokens) != 1:
            return False
        # In the same time whatever it is, as far as it has the right length.
        return hmac.compare_digest(tokens[0].encode(), self.token.encode())


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
        """Serve one request, one WebSocket, or the lifespan."""
        refusal = None
        if scope["type"] in ("http", "websocket"):
            refusal = self._rules.refusal(
                scope["headers"], scope.get("path", "/"), scope.get("query_string", b"")
            )
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # status 403, no upgrade
        else:
            await _refuse(send, *refusal)


async def _refuse(send: Send, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    headers = [(b"content-type", PLAIN), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
