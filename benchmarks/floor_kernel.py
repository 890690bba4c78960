"""
What does a kernel without features cost?

`python -m benchmarks.floor_kernel FILE`: one thread for the sockets, IPython's `run_cell` in the
main thread, and of all messages only `kernel_info_request`, `execute_request` and
`shutdown_request`. What a cell prints goes nowhere, and no history is written.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import queue
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import zmq
from IPython.core.displayhook import DisplayHook
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

DELIMITER = b"<IDS|MSG>"


class Kernel:
    def __init__(self, info: dict[str, Any]) -> None:
        self.auth = hmac.new(info["key"].encode(), digestmod=hashlib.sha256)
        self.numbers = itertools.count()
        context = zmq.Context.instance()
        self.sockets: dict[str, Any] = {}
        kinds = {"shell": zmq.ROUTER, "control": zmq.ROUTER, "iopub": zmq.PUB}
        for name, kind in kinds.items():
            self.sockets[name] = context.socket(kind)
            self.sockets[name].linger = 1000
            self.sockets[name].bind(f"tcp://{info['ip']}:{info[name + '_port']}")
        self.requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.to_send: deque[Any] = deque()
        self.is_woken = False
        self.wake_read, self.wake_write = os.pipe()

    def send(self, name: str, msg_type: str, content: Any, parent: bytes, idents: Any = ()) -> None:
        header = {
            "msg_id": f"floor_{next(self.numbers)}",
            "msg_type": msg_type,
            "username": "",
            "session": "floor",
            "date": datetime.now(UTC),
            "version": "5.4",
        }
        parts = [orjson.dumps(header), parent, b"{}", orjson.dumps(content)]
        frames = [*idents, DELIMITER, self.sign(parts), *parts]
        self.to_send.append((self.sockets[name], frames))
        if not self.is_woken:
            self.is_woken = True
            os.write(self.wake_write, b"\0")

    def sign(self, parts: list[bytes]) -> bytes:
        auth = self.auth.copy()
        for part in parts:
            auth.update(part)
        return auth.hexdigest().encode()

    def serve(self) -> None:
        poller = zmq.Poller()
        for readable in (self.wake_read, self.sockets["shell"], self.sockets["control"]):
            poller.register(readable, zmq.POLLIN)
        while True:
            for readable, _ in poller.poll():
                if readable == self.wake_read:
                    os.read(self.wake_read, 4096)
                    self.is_woken = False
                    while self.to_send:
                        socket, frames = self.to_send.popleft()
                        socket.send_multipart(frames)
                else:
                    name = "shell" if readable is self.sockets["shell"] else "control"
                    self.requests.put((name, readable.recv_multipart()))

    def run(self, shell: InteractiveShell) -> None:
        while True:
            name, frames = self.requests.get()
            at = frames.index(DELIMITER)
            idents, signature, parts = frames[:at], frames[at + 1], frames[at + 2 : at + 6]
            if not hmac.compare_digest(signature, self.sign(parts)):
                continue
            header, content, raw = orjson.loads(parts[0]), orjson.loads(parts[3]), parts[0]
            kind = header["msg_type"]
            self.send("iopub", "status", {"execution_state": "busy"}, raw, [b"status"])
            reply: dict[str, Any] = {"status": "ok"}
            if kind == "execute_request":
                shell.displayhook.publish = lambda data, raw=raw: self.send(
                    "iopub", "execute_result", data, raw, [b"result"]
                )
                count = {"code": content["code"], "execution_count": shell.execution_count}
                self.send("iopub", "execute_input", count, raw, [b"input"])
                result = shell.run_cell(content["code"], store_history=True)
                reply["execution_count"] = shell.execution_count - 1
                reply["status"] = "ok" if result.success else "error"
            self.send(name, kind.replace("_request", "_reply"), reply, raw, idents)
            self.send("iopub", "status", {"execution_state": "idle"}, raw, [b"status"])
            if kind == "shutdown_request":
                return


class Hook(DisplayHook):
    publish: Any = None

    def write_output_prompt(self) -> None: ...

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        data = {"data": format_dict, "metadata": md_dict, "execution_count": self.prompt_count}
        self.publish(data)

    def finish_displayhook(self) -> None: ...


def main() -> None:
    kernel = Kernel(orjson.loads(Path(sys.argv[-1]).read_bytes()))
    InteractiveShell.displayhook_class = Hook
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the life of the process
    threading.Thread(target=kernel.serve, daemon=True).start()
    kernel.run(shell)


if __name__ == "__main__":
    main()
