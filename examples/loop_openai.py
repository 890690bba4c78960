"""
How does a tool loop look in the form of OpenAI's Chat Completions API?

`loop` needs one function, `create`, which takes a request and gives the completion as a dict. With
the SDK (`pip install openai`), or with any server that speaks this form:

    client = openai.AsyncOpenAI()

    async def create(**request):
        return (await client.chat.completions.create(**request)).model_dump(exclude_none=True)

Here a script stands in its place, so that this runs by itself: python examples/loop_openai.py
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from conkernelclient.agent import KernelSession

Create = Callable[..., Awaitable[dict[str, Any]]]

MODEL = "gpt-4.1"


async def loop(create: Create, session: KernelSession, task: str) -> list[dict[str, Any]]:
    """Let the model work at `task` until it calls no tool any more; gives all messages."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": task}]
    while True:
        completion = await create(
            model=MODEL, messages=messages, tools=session.tool_schema("openai")
        )
        message = completion["choices"][0]["message"]
        messages.append(message)
        calls = message.get("tool_calls") or []
        if not calls:
            return messages
        # All calls of a turn at once. Each has an answer, whatever happens: arguments that are no
        # JSON, or do not fit, code that hangs, code that ends the kernel.
        asked = [call["function"] for call in calls]
        answers = await asyncio.gather(
            *(session.handle_tool_call(it["name"], it["arguments"]) for it in asked)
        )
        for call, answer in zip(calls, answers, strict=True):
            messages.append(answer.for_openai(call["id"]))
        # A message of the role "tool" takes text alone, so images are the user's.
        images = [image for answer in answers for image in answer.images_for_openai()]
        if images:
            messages.append({"role": "user", "content": images})


SCRIPT: list[dict[str, Any]] = [
    {"code": "total = sum(range(10))\ntotal"},
    {"code": "while True: pass", "timeout": 1},
    {"code": "import os; os._exit(1)"},
    {"code": "total"},
]


async def scripted(*, messages: list[dict[str, Any]], **_request: Any) -> dict[str, Any]:
    """Stand in for a model: one call in each turn."""
    turn = len(messages) // 2
    message: dict[str, Any] = {"role": "assistant"}
    if turn == len(SCRIPT):
        message["content"] = "The variable is gone, and so is my patience."
        return {"choices": [{"message": message, "finish_reason": "stop"}]}
    function = {"name": "run", "arguments": json.dumps(SCRIPT[turn])}
    message["tool_calls"] = [{"id": f"call_{turn}", "type": "function", "function": function}]
    return {"choices": [{"message": message, "finish_reason": "tool_calls"}]}


async def main() -> None:
    """Run the script, and print what was said."""
    async with KernelSession(timeout=60, max_chars=4_000) as session:
        for message in await loop(scripted, session, "do your worst"):
            said = message.get("content") or message["tool_calls"]
            print(message["role"], said, sep=": ", end="\n\n")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
