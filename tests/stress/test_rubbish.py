"""One bad message costs one message, over real sockets."""

from __future__ import annotations

import asyncio
import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.clients import LONG, opened, until
from tests.messages import frames, header, packed

from .scale import share
from .stub import stub

if TYPE_CHECKING:
    from collections.abc import Callable

    from conkernelclient import ConKernelClient

    from .stub import Stub

pytestmark = pytest.mark.timeout(300)

CHANNELS = ("shell", "iopub", "stdin", "control")
RANDOM = share(10_000)  # messages
TYPES = (
    "stream",
    "display_data",
    "update_display_data",
    "execute_result",
    "execute_input",
    "error",
    "clear_output",
    "status",
    "comm_open",
    "comm_msg",
    "debug_event",
    "input_request",
    "no_such_type",
)


KEYS = (
    "name",
    "text",
    "data",
    "metadata",
    "ename",
    "traceback",
    "transient",
    "execution_count",
    "execution_state",
    "wait",
    "prompt",
)


def encoded(*parts: Any) -> list[bytes]:
    return [part if isinstance(part, bytes) else json.dumps(part).encode() for part in parts]


def whole(**changes: Any) -> list[bytes]:
    parts = {"header": header("stream"), "parent": {}, "metadata": {}, "content": {}, **changes}
    return frames(encoded(*parts.values()))


def unsigned() -> list[list[bytes]]:
    message = whole()
    return [[*message[:2], b"", *message[3:]]]


def wrongly_signed() -> list[list[bytes]]:
    return [frames(encoded(header("stream"), {}, {}, {}), key=b"another")]


def duplicate() -> list[list[bytes]]:
    return [packed("stream", {"name": "stdout", "text": "once"})] * 2


def truncated() -> list[list[bytes]]:
    message = packed("stream", {"name": "stdout", "text": "cut"})
    shorter = [message[:count] for count in range(1, len(message))]
    return [*shorter, [*message[:-1], message[-1][:-1]]]


def not_json() -> list[list[bytes]]:
    return [
        whole(**{name: bad})
        for name in ("header", "metadata", "content")
        for bad in (b"{", b"\xff\xfe", b"", b"nul")
    ]


def of_other_shapes() -> list[list[bytes]]:
    return [
        *(whole(header=bad) for bad in ([], 5, {}, {"msg_id": 5, "msg_type": "stream"})),
        *(whole(content=bad) for bad in ([], 5, "text", None)),
    ]


# What is sent, and how much of it is no message at all.
BAD: dict[str, tuple[Callable[[], list[list[bytes]]], Callable[[int], int]]] = {
    "unsigned": (unsigned, lambda count: count),
    "wrongly signed": (wrongly_signed, lambda count: count),
    "duplicate": (duplicate, lambda count: count - 1),
    "truncated": (truncated, lambda count: count),
    "not JSON": (not_json, lambda count: count),
    "of other shapes": (of_other_shapes, lambda count: count),
    "of an unknown type": (lambda: [packed("no_such_type", {"a": 1})], lambda _: 0),
    "an orphan": (
        lambda: [packed("execute_reply", {"status": "ok"}, {"msg_id": "nobody's"})],
        lambda _: 0,
    ),
    "50 MB": (
        lambda: [packed("stream", {"name": "stdout", "text": "x" * 50 * 10**6})],
        lambda _: 0,
    ),
}


async def everything_works(kc: ConKernelClient, text: str) -> None:
    """Both channels that matter have come past the rubbish when this is through."""
    result = await asyncio.wait_for(kc.run(text), LONG)
    assert (result.status, result.stdout) == ("ok", text)
    reply = await asyncio.wait_for(kc.kernel_info(reply=True), LONG)
    assert reply["content"]["status"] == "ok"
    reply = await asyncio.wait_for(kc.request("x_request", channel="control"), LONG)
    assert reply["msg_type"] == "x_reply"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_each_bad_message_costs_itself(
    measured: Callable[[str, str, str], None], channel: str
) -> None:
    """A real request amid them is answered, and each is counted; short ones may count together."""
    sent = 0
    with stub() as kernel:
        kc = await opened(kernel.client())
        await kc.get_pubs()
        for name, (make, count_bad) in BAD.items():
            messages = make()
            before = kc.stats()
            held = await amid(kernel, kc, name, lambda m=messages: kernel.send(channel, m))
            assert held.stdout == name
            await everything_works(kc, f"after {name}")
            expected = count_bad(len(messages))
            least = 1 if name == "truncated" else expected
            await until(lambda b=before, e=least: kc.stats()["rejected"] >= b["rejected"] + e)
            after = kc.stats()
            assert least <= after["rejected"] - before["rejected"] <= expected, name
            assert (after["dropped"], after["violations"], after["pending"]) == (0, 0, 0), name
            sent += len(messages)
        stats = kc.stats()
        kc.stop_channels()
    measured(
        "7",
        f"unsigned, wrongly signed, duplicate, truncated, not JSON, unknown, orphan, 50 MB on "
        f"{channel}: each costs itself",
        f"{sent} sent, {stats['rejected']} rejected, none else lost; a request amid each kind and "
        "three after it answered",
    )


async def amid(kernel: Stub, kc: ConKernelClient, code: str, send: Callable[[], None]) -> Any:
    """Run `code` so that the rubbish comes between its busy and its end."""
    kernel.hold.clear()
    run = kc.run(code)
    await until(lambda: run.started)
    await asyncio.to_thread(send)
    kernel.hold.set()
    return await asyncio.wait_for(run, LONG)


def some_json(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(8 if depth < 3 else 6)
    match kind:
        case 0:
            return None
        case 1:
            return chance.choice([True, False])
        case 2:
            return chance.choice([0, -1, 2**70, 1.5, chance.random()])
        case 3 | 4 | 5:
            return chance.choice(["", "text", "\ud800", "idle", "x" * 100, "stdout"])
        case 6:
            return [some_json(chance, depth + 1) for _ in range(chance.randrange(4))]
        case _:
            keys = ("data", "text", "name", "traceback", "transient", "display_id", "wait")
            return {chance.choice(keys): some_json(chance, depth + 1) for _ in range(4)}


def random_message(chance: random.Random, parent_id: str) -> list[bytes]:
    """Noise, cuts and bit flips of a message, or a signed one with any content at all."""
    parent = {"msg_id": parent_id}
    match chance.randrange(4):
        case 0:
            return [chance.randbytes(chance.randrange(60)) for _ in range(chance.randrange(1, 9))]
        case 1:
            message = packed("stream", {"name": "stdout", "text": "flipped"}, parent)
            place = chance.randrange(2, len(message))
            frame = bytearray(message[place])
            frame[chance.randrange(len(frame))] ^= 1 << chance.randrange(8)
            message[place] = bytes(frame)
            return message
        case 2:
            message = packed("stream", {"name": "stdout", "text": "cut"}, parent)
            del message[chance.randrange(len(message))]
            return message
        case _:
            content = {key: some_json(chance) for key in chance.sample(KEYS, 5)}
            if content.get("execution_state") == "idle":
                content["execution_state"] = ["idle"]  # otherwise it would be the run's own end
            kind = chance.choice(TYPES)
            whose = chance.choice([parent, {}, [], {"msg_id": 5}, {"msg_id": "nobody's"}])
            return frames(encoded(header(kind), whose, some_json(chance), content))


@pytest.mark.parametrize("seed", [0, 1])
async def test_random_messages_cost_themselves(
    measured: Callable[[str, str, str], None], caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    """Half of them in the middle of a run, many with its id: it ends all the same."""
    chance = random.Random(seed)
    with stub() as kernel:
        kc = await opened(kernel.client())
        began = time.monotonic()
        for channel in CHANNELS:
            kernel.hold.clear()
            run = kc.run("amid")
            await until(lambda run=run: run.started)
            for _ in range(10):
                messages = [
                    random_message(chance, run.msg_id) for _ in range(RANDOM // len(CHANNELS) // 10)
                ]
                await asyncio.to_thread(kernel.send, channel, messages)
                reply = await asyncio.wait_for(kc.kernel_info(reply=True), LONG)
                assert reply["content"]["status"] == "ok"
            kernel.hold.set()
            result = await asyncio.wait_for(run, LONG)
            assert result.status == "ok"
            assert isinstance(result.text, str)
            assert isinstance(result.to_llm(), str)
            await everything_works(kc, f"after {channel}")
        took = time.monotonic() - began
        stats = kc.stats()
        assert stats["pending"] == 0
        kc.stop_channels()
    failed = sum("could not deliver" in record.getMessage() for record in caplog.records)
    measured(
        "7",
        f"{RANDOM:,} random messages over four channels (seed {seed}), requests amid them",
        f"all answered; {stats['rejected']:,} rejected, {failed} signed ones of impossible shape "
        f"logged, {took:.1f} s",
    )
    caplog.clear()
