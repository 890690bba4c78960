"""A server that is a client's child has the protocol alone on stdout, and leaves no kernel."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from conkernelclient.cli.main import main
from tests.agent.mcp.parts import CONKERNEL, pid_of, text_of
from tests.clients import LONG, until
from tests.manager.processes import is_running

NOISE = "import os\nos.write(1, b'raw ')\nos.system('echo child')\nprint('said')"
HANGS = "import time\nprint('begun', flush=True)\ntime.sleep(99)"


async def test_the_sdks_client_runs_code_and_leaves_no_kernel(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the entry that is printed, however the kernel writes; it goes in the middle of a run."""
    assert main(["mcp", "--print-config"]) == 0
    environ = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    entry = json.loads(capsys.readouterr().out)["mcpServers"]["conkernel"]
    command = StdioServerParameters(env=environ, cwd="/", **entry)
    begun = asyncio.Event()

    async def progress(_seconds: float, _total: float | None, line: str | None) -> None:
        if line is not None and line.endswith("begun"):
            begun.set()

    async with asyncio.timeout(LONG), Client(command) as client:
        pid = await pid_of(client)
        noise = text_of(await client.call_tool("run", {"code": NOISE}))
        assert sorted(noise.split()) == ["child", "raw", "said"]
        call = client.call_tool("run", {"code": HANGS}, progress_callback=progress)
        run = asyncio.create_task(call)
        await begun.wait()
        assert is_running(pid)
    assert not is_running(pid)
    run.cancel()
    await asyncio.wait((run,))


class Server:
    """A server, and what a client writes and reads by hand."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[dict[str, Any]] = []

    @classmethod
    async def start(cls) -> Server:
        pipe = asyncio.subprocess.PIPE
        return cls(
            await asyncio.create_subprocess_exec(
                *CONKERNEL, "mcp", stdin=pipe, stdout=pipe, stderr=pipe, limit=1 << 24
            )
        )

    def write(self, **message: Any) -> None:
        self.write_line(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def write_line(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")

    async def read(self, request_id: int) -> Any:
        """The answer to a request; each line before it is JSON as well."""
        assert self.process.stdout is not None
        while True:
            message = json.loads(await self.process.stdout.readline())
            self.lines.append(message)
            if message.get("id") == request_id:
                return message["result"]

    async def shake_hands(self) -> None:
        client = {"name": "t", "version": "1"}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}
        self.write(id=0, method="initialize", params=params)
        await self.read(0)
        self.write(method="notifications/initialized")

    async def run(self, request_id: int, code: str, **arguments: Any) -> str:
        params = {"name": "run", "arguments": {"code": code, **arguments}}
        self.write(id=request_id, method="tools/call", params=params)
        return (await self.read(request_id))["structuredContent"]["text"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_signal_ends_the_server_and_its_kernels(number: signal.Signals) -> None:
    """In the middle of a run, after lines that are no messages; its end is by that signal."""
    server = await Server.start()
    async with asyncio.timeout(LONG):
        await server.shake_hands()
        for line in (b"rubbish", b"{", b"[]", b"\xff\xfe", b"", b'{"jsonrpc": "2.0"}'):
            server.write_line(line)
        pid = int(await server.run(1, "import os\nos.getpid()"))
        assert "still runs" in await server.run(2, HANGS, timeout=0.1)
        server.process.send_signal(number)
        assert await server.process.wait() == -number
        if number is signal.SIGKILL:
            await until(lambda: not is_running(pid))
        assert not is_running(pid)
        assert server.process.stderr is not None
        assert b"Traceback" not in await server.process.stderr.read()
