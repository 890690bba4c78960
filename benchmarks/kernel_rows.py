"""What is a kernel asked to do, and how long does it take? Each function is one round of a row."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any, Final

from .front_end import FrontEnd, Message
from .processes import CannotError

__all__ = [
    "AS_TASK",
    "await_many",
    "complete_while_blocked",
    "cpu_of",
    "fairness",
    "first_print",
    "grow",
    "interrupt",
    "outstanding",
    "prints",
    "sequential",
]

# A cell's tag, which async-kernel knows as well.
AS_TASK: Final = {"tags": ["task"]}
PIPELINED: Final = 100
BLOCKS: Final = 3.0  # seconds that a cell blocks
SLEEPS: Final = {
    "sleep": f"import time\ntime.sleep({BLOCKS})",
    "await": f"import asyncio\nawait asyncio.sleep({BLOCKS})",
    "await then sleep": (
        f"import asyncio, time\nawait asyncio.sleep(0.05)\ntime.sleep({BLOCKS - 0.05})"
    ),
}


def sequential(kernel: FrontEnd, requests: int = 150) -> float:
    """Send `1` when the one before is answered and idle; requests per second."""
    began = time.perf_counter()
    for _ in range(requests):
        kernel.run("1", 10)
    return requests / (time.perf_counter() - began)


def outstanding(kernel: FrontEnd, metadata: dict[str, Any], requests: int = 600) -> float:
    """Keep 100 requests under way; requests per second."""
    began = time.perf_counter()
    sent = {kernel.execute("1", metadata=metadata): 2 for _ in range(PIPELINED)}
    to_send, done = requests - PIPELINED, 0

    def is_enough(message: Message) -> bool:
        nonlocal to_send, done
        if message.parent not in sent or not (message.channel == "shell" or message.is_idle):
            return False
        sent[message.parent] -= 1
        if sent[message.parent]:
            return False
        done += 1
        if to_send:
            to_send -= 1
            sent[kernel.execute("1", metadata=metadata)] = 2
        return done == requests

    kernel.until(is_enough, 10)
    return requests / (time.perf_counter() - began)


def cpu_of(kernel: FrontEnd, run: Callable[[], float]) -> tuple[float, float]:
    """Give what `run` gives, and the CPU time that the kernel used meanwhile, in seconds."""
    before = kernel.cpu()
    figure = run()
    return figure, kernel.cpu() - before


def await_many(kernel: FrontEnd, subshells: list[str], count: int = 50) -> float:
    """Run 50 cells that await 0.2 s, as tasks or each in a subshell; seconds."""
    code = "import asyncio\nawait asyncio.sleep(0.2)"
    began = time.perf_counter()
    if subshells:
        sent = [kernel.execute(code, subshell=it) for it in subshells]
    else:
        sent = [kernel.execute(code, metadata=AS_TASK) for _ in range(count)]
    kernel.finished(sent, 20)
    return time.perf_counter() - began


def complete_while_blocked(kernel: FrontEnd, how: str, most: int = 60) -> list[float]:
    """Ask for completions while a cell sleeps, and interrupt it; milliseconds of each."""
    blocker = kernel.execute(SLEEPS["sleep"])
    kernel.until(lambda m: m.parent == blocker and m.msg_type == "execute_input")
    took: list[float] = []
    ends = time.perf_counter() + BLOCKS * 0.8
    while len(took) < most and time.perf_counter() < ends:
        began = time.perf_counter()
        msg_id = kernel.send("complete_request", {"code": "impor", "cursor_pos": 5})
        waiting = [msg_id, blocker]
        reply = kernel.until(lambda m, ids=waiting: m.parent == ids[0] and m.channel == "shell")
        took.append((reply.arrived - began) * 1e3)
    if took[-1] < BLOCKS * 500:
        kernel.interrupt(how)
        kernel.until(lambda m: m.parent == blocker and m.is_idle)
    return took


def prints(kernel: FrontEnd, count: int = 20_000) -> tuple[float, int]:
    """Print 20,000 lines; seconds, and messages."""
    texts: list[int] = []
    began = time.perf_counter()
    msg_id = kernel.execute(f"for i in range({count}): print(i)")

    def see(message: Message) -> None:
        if message.msg_type == "stream" and message.parent == msg_id:
            texts.append(message.content["text"].count("\n"))

    kernel.until(lambda m: m.parent == msg_id and m.is_idle, see=see)
    took = time.perf_counter() - began
    if sum(texts) != count:
        raise CannotError(f"{count - sum(texts)} of {count} lines are lost")
    return took, len(texts)


def first_print(kernel: FrontEnd) -> float:
    """Print amid a cell that goes on; milliseconds from sending it until its text is there."""
    began = time.perf_counter()
    msg_id = kernel.execute("import time\nprint('x')\ntime.sleep(0.3)")
    text = kernel.until(lambda m: m.parent == msg_id and m.msg_type == "stream")
    kernel.until(lambda m: m.parent == msg_id and m.is_idle)
    return (text.arrived - began) * 1e3


def interrupt(kernel: FrontEnd, name: str, how: str) -> float:
    """Interrupt a cell of `SLEEPS`; milliseconds until its reply."""
    msg_id = kernel.execute(SLEEPS[name])
    kernel.until(lambda m: m.parent == msg_id and m.msg_type == "execute_input")
    time.sleep(0.15)  # it is in its last sleep then, and nothing tells us
    began = time.perf_counter()
    kernel.interrupt(how)
    reply = kernel.finished([msg_id], 8)[msg_id]
    return (reply.arrived - began) * 1e3


def fairness(kernel: FrontEnd, requests: int = 10_000, times: int = 5) -> dict[str, float]:
    """
    Send 10,000 requests in one lane, and then others; milliseconds until those are answered.

    "read" is how long the kernel takes to have read all of them. The others are medians.
    """
    opened = kernel.run(
        "def opened(comm, message):\n"
        "    comm.on_msg(lambda message: comm.send({}))\n"
        "get_ipython().kernel.comm_manager.register_target('bench', opened)"
    )
    if opened.content["status"] != "ok":
        raise CannotError("it takes no comms")
    comm = {"comm_id": "bench", "target_name": "bench", "data": {}}
    kernel.send("comm_open", comm)
    lane = {"lane": "many"}
    began = time.perf_counter()
    for _ in range(requests):
        kernel.execute("1", metadata=lane)
    took: dict[str, list[float]] = {}

    def time_of(name: str, sent: str, msg_type: str) -> None:
        since = time.perf_counter()
        came = kernel.until(lambda m: m.parent == sent and m.msg_type == msg_type)
        took.setdefault(name, []).append((came.arrived - since) * 1e3)

    time_of("read", kernel.send("comm_info_request", {}), "comm_info_reply")
    read = (time.perf_counter() - began) * 1e3
    for _ in range(times):
        time_of("lane", kernel.execute("1", metadata={"lane": "b"}), "execute_reply")
        message = {"code": "impor", "cursor_pos": 5}
        time_of("completion", kernel.send("complete_request", message), "complete_reply")
        time_of("comm", kernel.send("comm_msg", {"comm_id": "bench", "data": {}}), "comm_msg")
    return {**{name: statistics.median(values) for name, values in took.items()}, "read": read}


def grow(kernel: FrontEnd, requests: int, steps: int = 5) -> list[float]:
    """Make many requests that leave nothing; megabytes at each step."""
    sizes: list[float] = []
    for _ in range(steps + 1):
        left = requests // steps
        while left > 0:
            content = {"code": "None", "silent": False, "store_history": False}
            sent = [kernel.send("execute_request", content) for _ in range(min(left, PIPELINED))]
            kernel.finished(sent)
            left -= PIPELINED
        sizes.append(kernel.memory() / 1e6)
    return sizes
