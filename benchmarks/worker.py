"""
What does one contestant need for a round of requests?

`python -P worker.py contestants/ours.py` takes a job a line from its standard input, and says on
its standard output what came of it. It imports nothing of this package: each contestant has its own
environment. A contestant's file defines a `Client(connection_info)` with `open`, `request(code)`,
which gives the number of outputs, and `close`, all three async.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import resource
import sys
import time
from pathlib import Path
from typing import Any


def load(path: str) -> Any:
    """Import a contestant by its file."""
    spec = importlib.util.spec_from_file_location("contestant", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Worker:
    """The clients of one contestant, and the jobs that they are given."""

    def __init__(self, contestant: Any) -> None:
        self._make = contestant.Client
        self._clients: list[Any] = []

    async def open(self, files: list[str]) -> None:
        """Attach a client to each of the kernels; the rounds share the requests out."""
        for file in files:
            client = self._make(json.loads(Path(file).read_text()))
            await client.open()
            self._clients.append(client)

    async def round(
        self, requests: int, outstanding: int, outputs: int, timeout: float
    ) -> dict[str, float]:
        """
        Make `requests` requests, `outstanding` at a time, each with `outputs` outputs.

        Returns:
            "cpu" and "wall" for one request, "p50" and "p99" of the time that one took: seconds.
            CPU is that of all threads of this process.
        """
        times: list[float] = []
        left = [str(outputs)] * requests
        gc.collect()
        cpu, wall = time.process_time(), time.perf_counter()
        turns = (
            self._take_turns(self._clients[number % len(self._clients)], left, outputs, times)
            for number in range(outstanding)
        )
        await asyncio.wait_for(asyncio.gather(*turns), timeout)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        times.sort()
        return {
            "cpu": cpu / requests,
            "wall": wall / requests,
            "p50": times[requests // 2],
            "p99": times[int(requests * 0.99)],
        }

    async def _take_turns(
        self, client: Any, left: list[str], outputs: int, times: list[float]
    ) -> None:
        while left:
            code = left.pop()
            began = time.perf_counter()
            got = await client.request(code)
            times.append(time.perf_counter() - began)
            if got != outputs:
                raise AssertionError(f"{got} outputs instead of {outputs}")

    async def attach(self, file: str, times: int) -> dict[str, list[float]]:
        """
        Attach a new client to a running kernel, `times` over, and once before.

        Returns:
            Seconds each: "make", of the object, and "open", of its channels until it is ready.
        """
        info = json.loads(Path(file).read_text())
        took: dict[str, list[float]] = {"make": [], "open": []}
        for _ in range(times + 1):
            began = time.perf_counter()
            client = self._make(info)
            made = time.perf_counter()
            await client.open()
            ready = time.perf_counter()
            took["make"].append(made - began)
            took["open"].append(ready - made)
            await client.close()
        return {name: values[1:] for name, values in took.items()}

    async def close(self) -> None:
        """Close the clients."""
        for client in self._clients:
            await client.close()


async def main() -> None:
    """Do jobs until there are no more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # for the clients of 64 kernels
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a contestant prints
    worker = Worker(load(sys.argv[1]))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        job, arguments = json.loads(line)
        try:
            answer = await getattr(worker, job)(**arguments)
        except TimeoutError:
            answer = {"error": "some of its requests never ended"}
        except Exception as error:
            answer = {"error": str(error) or repr(error)}
        print(json.dumps(answer), file=answers, flush=True)
    await worker.close()


if __name__ == "__main__":
    asyncio.run(main())
