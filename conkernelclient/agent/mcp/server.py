"""
How are kernels offered by the Model Context Protocol?

The official SDK speaks the protocol, in each revision that it knows. What belongs to a client ends
with its connection: that is a process, or an HTTP session. Requests without a session, as of the
revision 2026-07-28 over HTTP, share the server's own kernels.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, cast

import anyio
from mcp.server.lowlevel import Server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

from .handlers import Handlers
from .kernels import Kernels, Settings
from .menu import menu_of
from .resources import TEMPLATES, list_resources, read_resource

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from mcp.server.connection import Connection
    from mcp.server.context import ServerRequestContext

__all__ = ["ClientsKernels", "make_server"]

INSTRUCTIONS: Final = (
    "Runs code in Jupyter kernels that keep their variables from call to call. `run` answers "
    "within its timeout; what takes longer goes on and has a run id: `poll` it. A kernel that was "
    "lost is replaced by itself, and the next answer says so."
)


class ClientsKernels:
    """
    The kernels of each client of a server.

    Args:
        settings: How they are started.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shared = Kernels(settings)
        self._of_sessions: dict[str, Kernels] = {}

    def of(self, connection: Connection) -> Kernels:
        """Give the kernels of a client, which end with its session."""
        session_id = connection.session_id
        if session_id is None:
            return self._shared
        known = self._of_sessions.get(session_id)
        if known is None:
            known = self._of_sessions[session_id] = Kernels(self._settings, session_id[:8])
            connection.exit_stack.push_async_callback(self._leave, session_id)
        return known

    async def _leave(self, session_id: str) -> None:
        await self._of_sessions[session_id].close()
        del self._of_sessions[session_id]

    async def close(self) -> None:
        """End all kernels of all clients."""
        every = [self._shared, *self._of_sessions.values()]
        await asyncio.gather(*(kernels.close() for kernels in every))


def make_server(settings: Settings | None = None) -> Server[ClientsKernels]:
    """
    Make a server that runs code in kernels.

    Args:
        settings: How; None: as by default.

    Returns:
        A server of the SDK: `Client(server)` speaks to it in the same process. Its kernels end when
        it does, also if it is cancelled.
    """
    settings = settings or Settings()
    handlers = Handlers(settings)
    menu = menu_of(settings)

    @asynccontextmanager
    async def lifespan(_server: Server[ClientsKernels]) -> AsyncGenerator[ClientsKernels]:
        clients = ClientsKernels(settings)
        try:
            yield clients
        finally:
            with anyio.CancelScope(shield=True):
                await clients.close()

    async def list_tools(
        _ctx: ServerRequestContext[ClientsKernels], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return ListToolsResult(tools=menu)

    async def call_tool(
        ctx: ServerRequestContext[ClientsKernels], params: CallToolRequestParams
    ) -> CallToolResult:
        async def report(seconds: float, line: str) -> None:
            await ctx.session.report_progress(seconds, None, line)

        return await handlers.call(_kernels(ctx), params.name, params.arguments, report)

    async def list_known(
        ctx: ServerRequestContext[ClientsKernels], _params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        return ListResourcesResult(resources=list_resources(_kernels(ctx)))

    async def list_templates(
        _ctx: ServerRequestContext[ClientsKernels], _params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=list(TEMPLATES))

    async def read(
        ctx: ServerRequestContext[ClientsKernels], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        return ReadResourceResult(contents=[await read_resource(_kernels(ctx), params.uri)])

    return Server(
        "conkernel",
        version=version("conkernelclient"),
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_known,
        on_list_resource_templates=list_templates,
        on_read_resource=read,
    )


def _kernels(ctx: ServerRequestContext[ClientsKernels]) -> Kernels:
    # The SDK gives handlers their connection in this attribute alone.
    connection = cast("Any", ctx.session)._connection
    return ctx.lifespan_context.of(cast("Connection", connection))
