"""
How does a tool loop look in the form of Anthropic's Messages API?

`loop` needs one function, `create`, which takes a request and gives the model's message as a dict.
With the SDK (`pip install anthropic`), whose client is not needed for the rest:

    client = anthropic.AsyncAnthropic()

    async def create(**request):
        return (await client.messages.create(**request)).to_dict()

Here a script stands in its place, so that this runs by itself: python examples/loop_anthropic.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from conkernelclient.agent import KernelSession

Create = Callable[..., Awaitable[dict[str, Any]]]

MODEL = "claude-sonnet-4-5"


async def loop(create: Create, session: KernelSession, task: str) -> list[dict[str, Any]]:
    """Let the model work at `task` until it calls no tool any more; gives all messages."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": task}]
    while True:
        message = await create(
            model=MODEL,
            max_tokens=4096,
            messages=messages,
            tools=session.tool_schema("anthropic"),
        )
        messages.append({"role": "assistant", "content": message["content"]})
        calls = [block for block in message["content"] if block["type"] == "tool_use"]
        if not calls:
            return messages
        # All calls of a turn at once. Each has an answer, whatever happens: arguments that do not
        # fit, code that hangs, code that ends the kernel. What it drew is in the answer as images.
        answers = await asyncio.gather(
            *(session.handle_tool_call(call["name"], call["input"]) for call in calls)
        )
        # The API wants them all in the one next message.
        results = [it.for_anthropic(call["id"]) for it, call in zip(answers, calls, strict=True)]
        messages.append({"role": "user", "content": results})


SCRIPT: list[dict[str, Any]] = [
    {"code": "total = sum(range(10))\ntotal"},
    {"code": "while True: pass", "timeout": 1},
    {"code": "import os; os._exit(1)"},
    {"code": "total"},
]


async def scripted(*, messages: list[dict[str, Any]], **_request: Any) -> dict[str, Any]:
    """Stand in for a model: one call in each turn."""
    turn = len(messages) // 2
    if turn == len(SCRIPT):
        content = [{"type": "text", "text": "The variable is gone, and so is my patience."}]
        return {"role": "assistant", "content": content, "stop_reason": "end_turn"}
    call = {"type": "tool_use", "id": f"toolu_{turn}", "name": "run", "input": SCRIPT[turn]}
    return {"role": "assistant", "content": [call], "stop_reason": "tool_use"}


async def main() -> None:
    """Run the script, and print what was said."""
    async with KernelSession(timeout=60, max_chars=4_000) as session:
        for message in await loop(scripted, session, "do your worst"):
            print(message["role"], message["content"], sep=": ", end="\n\n")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
