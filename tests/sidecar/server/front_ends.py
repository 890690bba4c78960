"""A server on a free port, and front ends that speak to it as any program may."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.client import connect

from conkernelclient.serving.listening import listening
from conkernelclient.sidecar.document import Notebook, edits
from conkernelclient.sidecar.server.app import make_app
from conkernelclient.sidecar.server.schema import TO_FRONT_ENDS
from conkernelclient.sidecar.server.serving import server_of
from conkernelclient.sidecar.session.session import NotebookSession
from conkernelclient.sidecar.sidecar import Sidecar
from tests.clients import LONG

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import uvicorn
    from websockets.asyncio.client import ClientConnection

    from conkernelclient import ConKernelManager

TOKEN: Final = "sesame"
BY_TYPE: Final = {kind.__dataclass_fields__["type"].default: kind for kind in edits.APPLIED_BY}


class FrontEnd:
    """
    A front end that folds what it is told into a notebook of its own.

    Attributes:
        told: All that came and was no answer.
        name: What the server calls it; set when it has subscribed.
        reads: While it is not set, nothing is read.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.name: str | None = None
        self.notebook = Notebook()
        self.cells: dict[str, str] = {}
        self.statuses: dict[str, str] = {}
        self.kernel = ""
        self.question: dict[str, Any] | None = None
        self.revision = -1
        self.reads = asyncio.Event()
        self.reads.set()
        self._answers: dict[int | None, asyncio.Future[dict[str, Any]]] = {}
        self._id = 0
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.socket:
            await self.reads.wait()
            message = json.loads(text)
            TO_FRONT_ENDS[message["type"]].model_validate_json(text)
            if message["type"] in ("ok", "error"):
                self._answer(message["id"]).set_result(message)
            else:
                self.told.append(message)
                self._fold(message)
                self._news.set()

    def _answer(self, message_id: int | None) -> asyncio.Future[dict[str, Any]]:
        if message_id not in self._answers:
            self._answers[message_id] = asyncio.get_running_loop().create_future()
        return self._answers[message_id]

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """Send a message; gives its answer."""
        self._id += 1
        return await self.say(json.dumps({"type": type, "id": self._id, **fields}), self._id)

    async def say(self, text: str | bytes, message_id: int | None = None) -> dict[str, Any]:
        """Send anything; gives the answer with this id."""
        answer = self._answer(message_id)
        await self.socket.send(text)
        try:
            async with asyncio.timeout(LONG):
                return await answer
        finally:
            self._answers.pop(message_id, None)

    async def subscribe(self) -> None:
        """Be told of the session; returns with the snapshot."""
        self.revision = -1
        self.name = (await self.ask("subscribe"))["front_end"]
        await self.until(lambda: self.revision >= 0)

    async def until(self, claim: Callable[[], Any]) -> None:
        """Wait until a claim holds, looking at each thing that is told."""
        async with asyncio.timeout(LONG):
            while not claim():
                self._news.clear()
                waiting = asyncio.create_task(self._news.wait())
                await asyncio.wait([waiting, self._reader], return_when="FIRST_COMPLETED")
                waiting.cancel()
                if self._reader.done():
                    self._reader.result()
                    assert claim(), "the connection ended before"

    def told_of(self, type: str) -> list[dict[str, Any]]:
        """What was told, of one type."""
        return [message for message in self.told if message["type"] == type]

    def source(self, cell_id: str) -> str:
        """As this front end shows it."""
        return self.notebook.cell(cell_id)["source"]

    def text(self, cell_id: str) -> str:
        """The texts of a cell's outputs."""
        return "".join(map(text_of, self.notebook.cell(cell_id)["outputs"]))

    def _fold(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.notebook = Notebook.from_dict(message["document"])
            self.cells, self.statuses = message["cells"], message["statuses"]
            self.kernel, self.question = message["kernel_state"], message["question"]
            self.revision = message["revision"]
            return
        if message["type"] == "missed":
            return
        assert message["revision"] == self.revision + 1, "a change is missing"
        self.revision += 1
        self._fold_document(message)
        self._fold_standing(message)

    def _fold_document(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "edited":
                for edit in message["change"]:
                    edits.apply(self.notebook, BY_TYPE[edit["type"]](**edit))
            case "outputs_changed":
                self._set_outputs(message)
            case "text_appended":
                self.notebook.cell(message["cell_id"])["outputs"][message["index"]]["text"] += (
                    message["text"]
                )
            case "metadata_changed":
                edits.apply(self.notebook, edits.SetMetadata(None, message["metadata"]))

    def _fold_standing(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "cell_state_changed" if message["state"] == "idle":
                self.cells.pop(message["cell_id"], None)
                self.statuses[message["cell_id"]] = message["status"]
            case "cell_state_changed":
                self.cells[message["cell_id"]] = message["state"]
            case "kernel_state_changed":
                self.kernel = message["state"]
            case "input_asked":
                self.question = message
            case "input_answered":
                self.question = None

    def _set_outputs(self, message: dict[str, Any]) -> None:
        outputs = self.notebook.cell(message["cell_id"])["outputs"]
        whole = [*outputs[: message["start"]], *message["outputs"]]
        edit = edits.SetOutputs(
            message["cell_id"], whole, message["execution_count"], message["source_hash"]
        )
        edits.apply(self.notebook, edit)


def text_of(output: dict[str, Any]) -> str:
    """The text that an output shows."""
    if output["output_type"] == "error":
        return f"{output['ename']}: {output['evalue']}"
    return output.get("text") or output["data"]["text/plain"]


class Served:
    """A session that is served, where, and by which server."""

    def __init__(self, session: NotebookSession, url: str, server: uvicorn.Server) -> None:
        self.session = session
        self.url = url
        self.server = server

    @property
    def unsent(self) -> int:
        """Bytes that wait in the server for front ends that read slowly."""
        connections: Any = self.server.server_state.connections
        return sum(one.transport.get_write_buffer_size() for one in connections)

    @property
    def socket_url(self) -> str:
        """Of the WebSocket, without a token."""
        return self.url.replace("http", "ws") + "/socket"

    @asynccontextmanager
    async def front_end(
        self, *, subscribed: bool = True, **options: Any
    ) -> AsyncIterator[FrontEnd]:
        """One more front end."""
        url = f"{self.socket_url}?token={TOKEN}"
        options = {"max_size": None, "ping_interval": None, "proxy": None, **options}
        async with connect(url, **options) as connection:
            front_end = FrontEnd(connection)
            if subscribed:
                await front_end.subscribe()
            try:
                yield front_end
            finally:
                await connection.close()
                await asyncio.wait([front_end._reader])


@asynccontextmanager
async def served(
    km: ConKernelManager,
    *sources: str,
    path: Any = None,
    limit: int = 1000,
    buffer: int | None = None,
) -> AsyncIterator[Served]:
    """
    Serve a notebook of these cells, called c0, c1 and so on; at its end nobody is connected.

    `limit` are the events that a front end may be behind, `buffer` the bytes that the system may
    hold of what is sent.
    """
    cells = [
        {"id": f"c{n}", "cell_type": "code", "metadata": {}, "source": source}
        | {"outputs": [], "execution_count": None}
        for n, source in enumerate(sources)
    ]
    async with (
        Sidecar(km) as sidecar,
        NotebookSession(Notebook(cells), sidecar, path, autosave=None) as session,
    ):
        with listening("127.0.0.1", 0) as (listener, url):
            if buffer is not None:  # which the connections take over
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            server = server_of(make_app(session, token=TOKEN, limit=limit))
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield Served(session, url, server)
            finally:
                server.should_exit = True
                async with asyncio.timeout(LONG):
                    await task
