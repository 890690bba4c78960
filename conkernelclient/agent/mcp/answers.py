"""
What does a client read of a run?

Content blocks are for the model: text within a budget, images, and links to what was cut. The
structured content has the same facts for a program, without the bytes of any image.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from mcp_types import CallToolResult, ContentBlock, ResourceLink, TextContent
from pydantic import TypeAdapter

from .. import words
from ..blocks import to_mcp
from ..results import model_text
from .kernels import DEFAULT
from .resources import image_uri, output_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...outputs.parts import ImagePart, Part
    from ..results import SessionResult
    from .kernels import Handle

__all__ = ["RUN_SCHEMA", "plain", "refused", "run_answer"]

BLOCKS: Final[TypeAdapter[list[ContentBlock]]] = TypeAdapter(list[ContentBlock])

TEXT: Final = {"type": "string"}
FLAG: Final = {"type": "boolean"}
NUMBER: Final = {"type": ["number", "null"]}
WHOLE: Final = {"type": ["integer", "null"]}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(properties)}


IMAGE: Final = _object({"uri": TEXT, "mime_type": TEXT, "width": WHOLE, "height": WHOLE})
ERROR: Final = {**_object({"name": TEXT, "message": TEXT}), "type": ["object", "null"]}
STATUSES: Final = ["ok", "error", "aborted", "timeout", "cancelled", "running"]

RUN_SCHEMA: Final[Mapping[str, Any]] = _object(
    {
        "kernel": TEXT,
        "run_id": TEXT,
        "status": {"type": "string", "enum": STATUSES},
        "text": {**TEXT, "description": "What the content says, without its images."},
        "error": {**ERROR, "description": "What the code raised, or why it did not run."},
        "execution_count": WHOLE,
        "seconds": {**NUMBER, "description": "How long it took."},
        "restarted": {**FLAG, "description": "Variables of earlier runs are gone."},
        "still_running": {**FLAG, "description": "It goes on: poll its run_id."},
        "is_cut": {**FLAG, "description": "The text is not the whole: output_uri has it."},
        "output_uri": {**TEXT, "description": "The resource that has all of its text."},
        "images": {"type": "array", "items": IMAGE},
        "notes": {"type": "array", "items": TEXT},
    }
)


async def run_answer(
    handle: Handle, result: SessionResult, *, news: str = "", nothing: str = ""
) -> CallToolResult:
    """
    Give the answer that tells of a run.

    Args:
        handle: Its kernel.
        result: What came of it, or what is new.
        news: That the kernel is another one than before; empty if it is not.
        nothing: What is said if there is nothing else to say.

    It is made in a thread: images may be large, and others are served meanwhile.
    """
    said = [handle.end if note == words.CLOSED else note for note in result.notes]
    notes = [*([news] if news else []), *said]
    if handle.name != DEFAULT and result.status == "running":
        notes.append(f"it runs in the kernel {handle.name!r}")
    if notes != list(result.notes):
        result.notes = tuple(notes)
        result.restarted = result.restarted or bool(news)
    call = handle.session.runs.get(result.run_id)
    whole = result if call is None else call.so_far()
    return await asyncio.to_thread(_made, handle, result, whole, nothing)


def _made(
    handle: Handle, result: SessionResult, whole: SessionResult, nothing: str
) -> CallToolResult:
    most = handle.session.max_chars
    parts = result.parts(most)
    text = model_text(result, most, nothing)
    is_cut = most is not None and len(result.to_llm(None)) > most
    output = output_uri(handle.name, result.run_id)
    blocks = to_mcp(parts) if parts else [{"type": "text", "text": text}]
    content = BLOCKS.validate_python(blocks)
    if is_cut:
        about = "All that the run has shown, as text"
        content.append(
            ResourceLink(uri=output, name="output", mime_type="text/plain", description=about)
        )
    known = {image.data: at for at, image in enumerate(whole.images)}
    shown = [(known[it.data], it) for it in result.images if it.data in known]
    uris = [image_uri(handle.name, result.run_id, at) for at, _ in shown]
    content.extend(_links(parts, [it for _, it in shown], uris))
    has_run = result.started or result.status == "running"
    facts = {
        "kernel": handle.name,
        "run_id": result.run_id,
        "status": result.status,
        "text": text,
        "error": _error(result),
        "execution_count": result.execution_count,
        "seconds": result.duration,
        "restarted": result.restarted,
        "still_running": result.still_running or result.status == "running",
        "is_cut": is_cut,
        "output_uri": output,
        "images": [
            {"uri": uri, "mime_type": it.mime_type, "width": it.width, "height": it.height}
            for uri, (_, it) in zip(uris, shown, strict=True)
        ],
        "notes": list(result.notes),
    }
    return CallToolResult(
        content=content, structured_content=facts, is_error=result.is_lost or not has_run
    )


def _error(result: SessionResult) -> dict[str, str] | None:
    error = result.error
    return None if error is None else {"name": error.ename, "message": error.evalue}


def _links(parts: list[Part], images: list[ImagePart], uris: list[str]) -> list[ContentBlock]:
    """Give links to the images that are not among `parts` as they are."""
    whole = {part.data for part in parts if part.kind == "image"}
    return [
        ResourceLink(
            uri=uri,
            name=uri.rpartition("/")[2],
            mime_type=image.mime_type,
            size=len(image.data or b""),
            description="The image as it is; it was scaled down, or left out",
        )
        for uri, image in zip(uris, images, strict=True)
        if image.data not in whole
    ]


def plain(text: str, facts: Mapping[str, Any], max_chars: int | None = None) -> CallToolResult:
    """Give an answer that is one text; `facts` fit the tool's output schema."""
    shown = text if max_chars is None else words.shortened(text, max_chars)
    return CallToolResult(content=[TextContent(text=shown)], structured_content=dict(facts))


def refused(text: str) -> CallToolResult:
    """Give the answer to a call that cannot be done; the text says what to do instead."""
    return CallToolResult(content=[TextContent(text=text)], is_error=True)
