"""A storm of requests on a kernel whose messages are late, doubled and overtaken crosses none."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from jupyter_client.session import Session

from conkernelclient import ConKernelClient, errors
from tests.clients import until

from .scale import share

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.timeout(300)

COUNT: Final = share(100_000)
TASKS: Final = 500
# The request from which on memory may not grow: what is kept of the last ones is there.
BASE: Final = max(share(20_000), 5_000)
GROWTH: Final = 5.0  # MB
BOUND: Final = 145.0  # seconds
ROOT: Final = Path(__file__).resolve().parents[2]

# In a process of its own: two processors work, and the memory measured is the client's alone.
KERNEL: Final = """
import json, sys
from conkernelclient.testing import FakeKernel, Faults, Raise, Reply, Say, Value

def mark(request):
    code = request["content"]["code"]
    if code.startswith("fail"):
        yield Raise("Mark", code)
    yield Say(code)
    yield Value(code)

faults = Faults(11, delay=0.002, duplicate=0.02, reorder=0.05)
with FakeKernel(mark, faults=faults, max_requests=10) as kernel:
    kernel.on("complete_request", lambda r: [Reply({"matches": [r["content"]["code"]]})])
    kernel.on("inspect_request", lambda r: [Reply({"data": {"mark": r["content"]["code"]}})])
    kernel.on("is_complete_request", lambda r: [Reply({"indent": r["content"]["code"]})])
    kernel.on("history_request", lambda r: [Reply({"history": [r["content"]["pattern"]]})])
    print(json.dumps(kernel.connection_info), flush=True)
    sys.stdin.read()
"""


@contextmanager
def stormy_kernel() -> Iterator[ConKernelClient]:
    """A client of a fake kernel in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", KERNEL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        info = json.loads(process.stdout.readline())
        # What is kept of signatures is full by request BASE, whatever the counts are.
        session = Session(key=info["key"].encode(), digest_history_size=share(2**16))
        kc = ConKernelClient(session=session)
        kc.load_connection_info(info)
        yield kc
        kc.stop_channels()
        process.stdin.close()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def resident() -> float:
    """This process's resident memory in MB."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


class Storm:
    """Requests of every kind, each with a mark, and a count of what became of them."""

    def __init__(self, kc: ConKernelClient, subshells: list[str]) -> None:
        self.kc = kc
        self.shells: list[str | None] = [None, *subshells]
        self.numbers = iter(range(COUNT))
        self.ended: Counter[str] = Counter()
        self.crossed: list[str] = []
        self.memory = 0.0  # at request BASE
        self.verbs: list[Callable[[str, Any, Any], Any]] = [
            lambda mark, shell, seconds: kc.execute(
                mark,
                reply=True,
                timeout=seconds,
                subshell_id=shell,
                user_expressions={"mark": mark},
            ),
            lambda mark, shell, _: kc.run(mark, subshell_id=shell),
            lambda mark, shell, _: kc.run(f"fail {mark}", subshell_id=shell),
            lambda mark, _, seconds: kc.complete(mark, reply=True, timeout=seconds),
            lambda mark, _, seconds: kc.inspect(mark, reply=True, timeout=seconds),
            lambda mark, _, seconds: kc.is_complete(mark, reply=True, timeout=seconds),
            lambda mark, _, seconds: kc.history(
                hist_access_type="search", pattern=mark, reply=True, timeout=seconds
            ),
        ]

    async def task(self, seed: int) -> None:
        """Ask, one request after the other, as long as there are any."""
        chance = random.Random(seed)
        for number in self.numbers:
            if number == BASE:
                self.memory = resident()
            if number % 1000 == 0:
                await self.kc.get_pubs()  # a program that reads what its execute requests show
            await self.ask(f"mark {number} of {seed}", chance)

    async def ask(self, mark: str, chance: random.Random) -> None:
        """Make one request; now and then it is cancelled, or has too little time."""
        fate = chance.random()
        for_request = chance.uniform(0, 0.2) if fate < 0.05 else None
        for_caller = chance.uniform(0, 0.2) if 0.05 <= fate < 0.1 else None
        asked = chance.choice(self.verbs)(mark, chance.choice(self.shells), for_request)
        if 0.1 <= fate < 0.2:
            asyncio.get_running_loop().call_later(chance.uniform(0, 0.2), asked.cancel)
        try:
            async with asyncio.timeout(for_caller):
                answer = await asked
        except errors.ReplyTimeout:
            self.ended["timeout of the request"] += 1
        except TimeoutError:
            self.ended["timeout of the caller"] += 1
        except asyncio.CancelledError:
            if not asked.cancelled():
                raise
            self.ended["cancelled"] += 1
        else:
            self.check(mark, answer)

    def check(self, mark: str, answer: Any) -> None:
        """See that an answer is that of its own request."""
        self.ended["answered"] += 1
        said = marks_in(answer)
        if not said or any(one.removeprefix("fail ") != mark for one in said):
            self.crossed.append(f"{mark}: {said} in {answer}")


def marks_in(answer: Any) -> list[str]:
    """The marks that an answer carries."""
    if not isinstance(answer, dict):
        if answer.status == "error":
            return [answer.error.evalue, answer.code]
        assert answer.status == "ok", answer
        (printed, value) = answer.outputs
        return [printed["text"], value["data"]["text/plain"]]
    content = answer["content"]
    match answer["msg_type"]:
        case "execute_reply":
            return [content["user_expressions"]["mark"]["data"]["text/plain"]]
        case "complete_reply":
            return content["matches"]
        case "inspect_reply":
            return [content["data"]["mark"]]
        case "is_complete_reply":
            return [content["indent"]]
        case _:
            return content["history"]


async def test_a_storm_crosses_no_answers_and_leaves_nothing_behind(
    measured: Callable[[str, str, str], None],
) -> None:
    """Each answer carries its request's mark; then nothing is pending, nor has memory grown."""
    with stormy_kernel() as kc:
        await kc.start_channels()
        storm = Storm(kc, [await kc.create_subshell() for _ in range(3)])
        began = time.monotonic()
        async with asyncio.timeout(BOUND), asyncio.TaskGroup() as tasks:
            for seed in range(TASKS):
                tasks.create_task(storm.task(seed))
        took = time.monotonic() - began
        grown = resident() - storm.memory
        async with asyncio.timeout(60):
            await until(lambda: kc.stats()["pending"] == 0)
            last = await kc.run("last")  # it is as it was
        stats = kc.stats()
    measured(
        "6",
        f"{COUNT} requests of {TASKS} tasks, late, doubled, overtaken: 0 crossed, 0 pending, "
        f"less than {GROWTH:.0f} MB from request {BASE} on",
        f"{len(storm.crossed)} crossed of {dict(storm.ended)}, {stats['pending']} pending, "
        f"{grown:+.1f} MB, {took:.0f} s, {stats}",
    )
    assert storm.crossed == []
    assert sum(storm.ended.values()) == COUNT
    assert last.stdout == "last"
    assert stats["pending"] == 0
    assert grown < GROWTH
