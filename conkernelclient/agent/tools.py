"""
How does a model's tool call become a call of a session, and its result an answer?

Every call gets an answer: what does not fit, what fails and what cannot run is text that the model
can act on.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from conkernelclient.errors import ConKernelError, SessionError

from ..outputs.parts import TextPart
from . import blocks, words
from .results import model_text
from .schema import Misfit, fitting

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ..outputs.parts import Images, Part
    from .calls import Call
    from .results import SessionResult

__all__ = ["Session", "ToolAnswer", "find_call", "handle"]


class Session(Protocol):
    """
    What tools call: see `KernelSession`.

    Attributes:
        runs: The calls by their ids.
        max_chars: Length of a text for a model, at most; None: any.
        images: What a model gets of an image.
    """

    runs: dict[str, Call]
    max_chars: int | None
    images: Images

    @property
    def current(self) -> Call | None:
        """The call whose turn it is."""
        ...

    async def run(self, code: str, *, timeout: float | None = ...) -> SessionResult:
        """Run `code` to its end."""
        ...

    def start(self, code: str, *, timeout: float | None = ...) -> Call:
        """Run `code` in the background."""
        ...

    async def interrupt(self, run_id: str | None = ...) -> bool:
        """Interrupt a call."""
        ...

    async def restart(self) -> None:
        """Begin anew."""
        ...

    async def variables(self) -> dict[str, str]:
        """List the variables."""
        ...


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """
    What a tool call gives.

    Attributes:
        text: For the model; never empty.
        is_error: Whether the tool could not do what was asked. An exception in the model's code is
            no such error: its traceback is in `text`.
        result: What came of a run; None for the other tools.
        parts: The same with its images, for a model that sees; empty where there are none.
    """

    text: str
    is_error: bool = False
    result: SessionResult | None = None
    parts: Sequence[Part] = ()

    def for_anthropic(self, tool_use_id: str) -> dict[str, Any]:
        """Give the block that answers the `tool_use` block of that id, images included."""
        return {
            "type": "tool_result",
            "tool_use_id": tool_use_id,
            "content": blocks.to_anthropic(self._content()),
            "is_error": self.is_error,
        }

    def for_openai(
        self, tool_call_id: str, api: Literal["chat", "responses"] = "chat"
    ) -> dict[str, Any]:
        """
        Give the message that answers the tool call of that id.

        Args:
            tool_call_id: The call's `id`, or in the Responses API its `call_id`.
            api: "chat": a message of the role "tool", which takes text alone: its images are in
                `images_for_openai()`. "responses": a `function_call_output`, images included.

        Raises:
            ValueError: `api` is neither.
        """
        match api:
            case "chat":
                return {"role": "tool", "tool_call_id": tool_call_id, "content": self.text}
            case "responses":
                output = blocks.to_openai(self._content())
                return {"type": "function_call_output", "call_id": tool_call_id, "output": output}
            case _:  # pyright: ignore[reportUnnecessaryComparison]
                raise ValueError(f'api is "chat" or "responses", not {api!r}')

    def images_for_openai(self) -> list[dict[str, Any]]:
        """
        Give the images as content of a user's message in the Chat Completions API.

        Such a message comes behind all the answers of a turn. Without images the list is empty.
        """
        images = [it for it in self.parts if it.kind == "image" and it.data is not None]
        return blocks.to_openai(images, "chat") if images else []

    def _content(self) -> Sequence[Part]:
        return self.parts or [TextPart(self.text)]


async def handle(session: Session, name: object, arguments: object) -> ToolAnswer:
    """Do what one tool call asks for; see `KernelSession.handle_tool_call`."""
    try:
        given = fitting(name, arguments)
        return await HANDLERS[str(name)](session, given)
    except Misfit as error:
        return ToolAnswer(str(error), is_error=True)
    except SessionError as error:
        return ToolAnswer(str(error), is_error=True)
    except ConKernelError:
        return ToolAnswer("the kernel gave no answer; restart it, or try again", is_error=True)


async def _run(session: Session, given: Mapping[str, Any]) -> ToolAnswer:
    options = {"timeout": given["timeout"]} if "timeout" in given else {}
    if given.get("background"):
        call = session.start(given["code"], **options)
        return ToolAnswer(f"{call.id} runs in the background; poll it to read what it shows")
    return await _answer(session, await session.run(given["code"], **options))


async def _poll(session: Session, given: Mapping[str, Any]) -> ToolAnswer:
    call = find_call(session, given["run_id"])
    result = await call.poll(given.get("wait", 0))
    return await _answer(session, result, words.HAS_ENDED.format(call.id))


async def _interrupt(session: Session, given: Mapping[str, Any]) -> ToolAnswer:
    call = find_call(session, given["run_id"]) if "run_id" in given else session.current
    if call is None:
        return ToolAnswer("nothing runs")
    if call.is_done:
        return ToolAnswer(f"{call.id} has ended already")
    if await session.interrupt(call.id):
        return ToolAnswer(f"{call.id} was interrupted")
    return ToolAnswer(
        f"{call.id} swallowed the interrupt and goes on; restart ends it, and all variables",
        is_error=True,
    )


async def _restart(session: Session, _given: Mapping[str, Any]) -> ToolAnswer:
    await session.restart()
    return ToolAnswer("a fresh kernel is there; all variables of before are gone")


async def _variables(session: Session, _given: Mapping[str, Any]) -> ToolAnswer:
    known = await session.variables()
    lines = [f"{name}: {kind}" for name, kind in known.items()]
    most = session.max_chars
    text = "\n".join(lines) or "there are no variables"
    return ToolAnswer(text if most is None else words.shortened(text, most))


HANDLERS: Final[Mapping[str, Callable[[Session, Mapping[str, Any]], Awaitable[ToolAnswer]]]] = {
    "run": _run,
    "poll": _poll,
    "interrupt": _interrupt,
    "restart": _restart,
    "variables": _variables,
}


def find_call(session: Session, run_id: str) -> Call:
    """
    Find a run by an id as models write it.

    Raises:
        Misfit: There is none.
    """
    wanted = run_id.strip().strip("\"'").lower()
    for name in (wanted, f"r{wanted}"):
        if name in session.runs:
            return session.runs[name]
    known = ", ".join(list(session.runs)[-10:]) or "none yet"
    raise Misfit(f"there is no run {json.dumps(run_id[:60])}; there are {known}")


async def _answer(session: Session, result: SessionResult, nothing: str = "") -> ToolAnswer:
    """Give what a model reads of `result`. Other calls go on while it is made, as of images."""
    has_run = result.started or result.status == "running"
    _ = result.outputs  # of a run that goes on they are what there is now
    text, parts = await asyncio.to_thread(_read, result, session.max_chars, session.images, nothing)
    return ToolAnswer(text, is_error=result.is_lost or not has_run, result=result, parts=parts)


def _read(
    result: SessionResult, max_chars: int | None, images: Images, nothing: str
) -> tuple[str, Sequence[Part]]:
    """Give the text, and the parts if there are images among them."""
    parts = result.parts(max_chars, images)
    if all(part.kind != "image" for part in parts):
        return model_text(result, max_chars, nothing), ()
    if max_chars is not None and len(_lines(parts)) > max_chars:  # by the breaks between its parts
        parts = result.parts(2 * max_chars - len(_lines(parts)), images)
    return _lines(parts), parts


def _lines(parts: Sequence[Part]) -> str:
    """Give the parts as one text, with a line for each image."""
    told = (part.alt or part.path or "" if part.kind == "image" else part.text for part in parts)
    return "\n".join(line for line in told if line) or blocks.EMPTY
