"""
How does a loop look whose tools are plain async functions?

`run` and `variables` are the tools; `loop` gives them to a model, calls what it asks for, all calls
of a turn at once, and gives back what it said at last. The model here is a script, so that this
runs by itself:

    python examples/loop_functions.py

Put your own model in its place: an async function that takes the messages and the tools'
descriptions, and gives a text, or the calls that it wants made.
"""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_type_hints

from conkernelclient.agent import KernelSession
from conkernelclient.errors import SessionError

Tool = Callable[..., Awaitable[str]]
Call = tuple[str, dict[str, Any]]  # the tool's name and its arguments
Model = Callable[[list[Any], list[dict[str, Any]]], Awaitable[str | list[Call]]]

MAX_CHARS = 4_000  # of each answer: a model's context is not endless
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


def tools_of(session: KernelSession, images: str) -> dict[str, Tool]:
    """Give the tools by their names; images are written to the directory `images`."""

    async def run(code: str, timeout: float = 60.0) -> str:
        """Run Python code; variables are kept. Gives what it shows, images as paths of files."""
        # Whatever the code does, this comes back: with a traceback, at its timeout, or with the
        # news that the kernel ended and the next call gets a fresh one.
        result = await session.run(code, timeout=timeout)
        parts = result.parts(MAX_CHARS, images="path", directory=images)
        return "\n".join(
            f"{part.alt} in {part.path}" if part.kind == "image" else part.text for part in parts
        )

    async def variables() -> str:
        """List the variables that there are, with their types."""
        known = await session.variables()
        return "\n".join(f"{name}: {kind}" for name, kind in known.items())

    return {tool.__name__: tool for tool in (run, variables)}


def describe(tool: Tool) -> dict[str, Any]:
    """Give what a model has to know of a tool, as JSON Schema."""
    hints = get_type_hints(tool)
    parameters = inspect.signature(tool).parameters
    return {
        "name": tool.__name__,
        "description": tool.__doc__,
        "parameters": {
            "type": "object",
            "properties": {name: {"type": TYPES[hints[name]]} for name in parameters},
            "required": [name for name, it in parameters.items() if it.default is it.empty],
        },
    }


async def answer(tools: Mapping[str, Tool], name: str, arguments: dict[str, Any]) -> str:
    """Make one call; what does not fit is an answer that the model can act on."""
    if name not in tools:
        return f"there is no tool {name!r}; there are {', '.join(tools)}"
    tool = tools[name]
    hints = get_type_hints(tool)
    try:
        inspect.signature(tool).bind(**arguments)
    except TypeError as error:
        return f"{name}: {error}; it takes {', '.join(inspect.signature(tool).parameters)}"
    for key, value in arguments.items():
        # An int will do as a float, a bool as neither.
        wanted = (int, float) if hints[key] is float else hints[key]
        if not isinstance(value, wanted) or (isinstance(value, bool) and hints[key] is not bool):
            return f"{name}: {key} must be a {TYPES[hints[key]]}, not {value!r}"
    try:
        return await tool(**arguments) or "[no output]"
    except SessionError as error:
        return str(error)  # no kernel can be had, or it is busy


async def loop(model: Model, session: KernelSession, task: str, images: str) -> list[Any]:
    """Let the model work at `task` until it says something; gives all messages."""
    tools = tools_of(session, images)
    described = [describe(tool) for tool in tools.values()]
    messages: list[Any] = [task]
    while True:
        said = await model(messages, described)
        messages.append(said)
        if isinstance(said, str):
            return messages
        # Together: each has an answer of its own, in the order of the calls.
        messages.append(await asyncio.gather(*(answer(tools, *call) for call in said)))


SCRIPT: list[str | list[Call]] = [
    [("run", {"code": "total = sum(range(10))\ntotal"})],
    [("run", {"code": f"total + {n}"}) for n in range(3)],
    [("run", {"code": "while True: pass", "timeout": 1})],
    [("run", {"code": "import os; os._exit(1)"}), ("run", {"cod": "1"})],
    [("run", {"code": "total"})],
    "The variable is gone, and so is my patience.",
]


async def scripted(messages: list[Any], _tools: list[dict[str, Any]]) -> str | list[Call]:
    """Stand in for a model."""
    return SCRIPT[len(messages) // 2]


async def main() -> None:
    """Run the script, and print what was said."""
    with tempfile.TemporaryDirectory() as images:
        async with KernelSession() as session:
            for message in await loop(scripted, session, "do your worst", images):
                lines = [message] if isinstance(message, str) else message
                print(*lines, sep="\n", end="\n\n")  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main())
