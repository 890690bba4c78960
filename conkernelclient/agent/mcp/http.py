"""
How do clients speak to a server over HTTP?

By the protocol's streamable HTTP, at `/mcp`. The server listens on this machine alone, unless it is
told otherwise; then it demands a token.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from mcp.server.transport_security import TransportSecuritySettings

from ...serving.guard import Guard, Rules, is_loopback
from ...serving.listening import listening, made_token, quiet_at_the_end
from .server import make_server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .kernels import Settings

__all__ = ["IDLE_TIMEOUT", "make_app", "serve_http"]

PATH: Final = "/mcp"
IDLE_TIMEOUT: Final = 1800.0  # seconds
MAX_SESSIONS: Final = 100
LEAVE_WITHIN: Final = 1  # seconds that open streams have to end when the server does


def make_app(settings: Settings, rules: Rules) -> Guard:
    """
    Make the ASGI application.

    Args:
        settings: How code is run. A client that has gone without a word is given up after
            `idle_timeout` seconds without a request, 1800 by default.
        rules: Which requests may come in.
    """
    idle = settings.idle_timeout or IDLE_TIMEOUT
    app = make_server(replace(settings, idle_timeout=idle)).streamable_http_app(
        streamable_http_path=PATH,
        session_idle_timeout=idle,
        max_sessions=MAX_SESSIONS,
        # What the rules say is checked before, for every path.
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return Guard(cast("Any", app), rules)


async def serve_http(
    settings: Settings,
    port: int,
    host: str = "127.0.0.1",
    *,
    token: str | None = None,
    names: Iterable[str] = (),
) -> int:
    """
    Serve until a signal comes; no kernel is left then.

    Args:
        settings: How code is run.
        port: Of TCP; 0: any free one.
        host: Name or address on which to listen.
        token: What clients have to show; None: one is made and printed on stderr if `host` is
            reached from other machines.
        names: Other names of this machine that clients use.

    Returns:
        0. After SIGTERM and SIGINT it does not return: the process ends by them.

    Raises:
        OSError: The address cannot be had.
    """
    import uvicorn  # which a server over stdio does without

    is_made = token is None and not is_loopback(host)
    if is_made:
        token = made_token()
    with listening(host, port) as (listener, url):
        sys.stderr.write(f"conkernel: serves MCP at {url}{PATH}\n")
        if is_made:
            sys.stderr.write(f"conkernel: token {token}\n")
        rules = Rules(host, token, frozenset(name.lower() for name in names))
        config = uvicorn.Config(
            cast("Any", make_app(settings, rules)),
            ws="none",
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=LEAVE_WITHIN,
        )
        server = uvicorn.Server(config)
        with quiet_at_the_end(server):
            await server.serve(sockets=[listener])
    return 0 if server.started else 1
