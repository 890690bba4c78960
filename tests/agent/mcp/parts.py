"""What several of these tests have in common."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from mcp import Client

from conkernelclient.agent.mcp import Settings, make_server
from conkernelclient.agent.results import SessionResult

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.client.client import ConnectMode

CONKERNEL = [
    sys.executable,
    "-P",
    "-c",
    "import sys; from conkernelclient.cli import main; sys.exit(main())",
]
PID = "import os\nos.getpid()"


@asynccontextmanager
async def client_of(mode: ConnectMode = "auto", **settings: Any) -> AsyncIterator[Client]:
    """A client in the same process as its server."""
    async with Client(make_server(Settings(**settings)), mode=mode) as client:
        yield client


def text_of(answer: Any) -> str:
    """The text of an answer."""
    return "".join(block.text for block in answer.content if block.type == "text")


async def pid_of(client: Client, kernel: str = "default") -> int:
    """The process of a client's kernel."""
    answer = await client.call_tool("run", {"code": PID, "kernel": kernel})
    return int(text_of(answer).split()[0])


def result_of(*outputs: Any, status: Any = "ok", **more: Any) -> SessionResult:
    """A result of the run r1."""
    known: dict[str, Any] = {"msg_id": "m", "code": "1", "run_id": "r1", "started": True}
    return SessionResult(status=status, outputs=list(outputs), **(known | more))


def handle_of(result: SessionResult, max_chars: int | None = 2000, **more: Any) -> Any:
    """What stands for a kernel that has run `result`."""
    call = SimpleNamespace(so_far=lambda: result, name="r1 (1)")
    session = SimpleNamespace(runs={result.run_id: call}, max_chars=max_chars)
    known = {"name": "default", "session": session, "journal": None, "end": "it was ended"}
    return SimpleNamespace(**(known | more))


def printed(text: str) -> dict[str, Any]:
    """What `print` makes."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def shown(**data: Any) -> dict[str, Any]:
    """What `display` makes; `_` in a name is `/`."""
    bundle = {name.replace("_", "/"): value for name, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}
