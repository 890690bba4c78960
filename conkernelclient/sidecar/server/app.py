"""
What does the server give to whom?

The page to everybody who reaches it, for it holds no secret; the WebSocket and the schema to who
has the token. The page may load nothing from elsewhere. What cells show as HTML is in frames of no
origin, from a file of their own whose rules allow them scripts: they reach neither the page nor
what it keeps.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from ...serving.guard import Guard, Rules
from .encoding import Encoder
from .frontend import FrontEnd
from .schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.websockets import WebSocket

    from ..session.session import NotebookSession

__all__ = ["make_app"]

LIMIT: Final = 1_000
PAGE: Final = Path(__file__).parent / "page"
FILES: Final = {  # by path: the file, its type
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/showing.js": ("showing.js", "text/javascript"),
    "/stale.js": ("stale.js", "text/javascript"),
    "/frame.html": ("frame.html", "text/html"),
}
PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# What a cell shows may be any library's: its scripts may run and load others, from https.
FRAME_POLICY: Final = (
    "sandbox allow-scripts; default-src https: data: blob: 'unsafe-inline' 'unsafe-eval'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def make_app(
    session: NotebookSession,
    *,
    token: str,
    host: str = "127.0.0.1",
    names: Iterable[str] = (),
    limit: int = LIMIT,
) -> Guard:
    """
    Make the ASGI application that serves an open session.

    Args:
        session: The session; front ends come and go, and it stays.
        token: What front ends have to show, as `Authorization: Bearer` or as `token` of the query.
        host: On which the server listens: see `Rules`.
        names: Other names of this machine that front ends use, as of a proxy.
        limit: Events that a front end may be behind: see `NotebookSession.watch`.
    """
    encoder, numbers = Encoder(), itertools.count(1)

    async def socket(websocket: WebSocket) -> None:
        name = f"front-end-{next(numbers)}"
        await FrontEnd(websocket, session, name, encoder, limit=limit).serve()

    app = Starlette(
        routes=[
            *(Route(path, _file) for path in FILES),
            Route("/schema.json", _schema),
            WebSocketRoute("/socket", socket),
        ]
    )
    rules = Rules(
        host,
        token,
        frozenset(name.lower() for name in names),
        takes_query=True,
        free_paths=frozenset(FILES),
    )
    return Guard(cast("Any", app), rules)


def _file(request: Request) -> Response:
    name, kind = FILES[request.url.path]
    policy = FRAME_POLICY if name == "frame.html" else PAGE_POLICY
    headers = {**HEADERS, "Content-Security-Policy": policy}
    return Response((PAGE / name).read_bytes(), media_type=kind, headers=headers)


def _schema(_request: Request) -> Response:
    return JSONResponse(json_schema(), headers=HEADERS)
